-- Append an event to the stream of a group, and ring: with the event itself, if it is short. The ring may be lost.
local function post(group, id, kind, body, why, store)
  local facts, stream = store.tag .. 'jg:' .. group, store.tag .. 'je:' .. group
  local n = redis.call('HINCRBY', facts, 'n', 1)
  if n == 1 then redis.call('PEXPIRE', facts, 604800000) end
  local at = redis.call('XADD', stream, 'MAXLEN', '~', 256, '*', 'n', n, 'j', id, 't', kind, 'b', body, 'r', why)
  redis.call('PEXPIRE', stream, 3600000)
  local ring = at .. ' ' .. string.format('%d', n)
  if #body <= 512 and why == '' then ring = ring .. ' ' .. id .. ' ' .. kind .. ' ' .. body end
  redis.call('SPUBLISH', stream, ring)
end
