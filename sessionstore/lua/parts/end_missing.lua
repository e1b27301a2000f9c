-- End a session whose key has expired before anybody looked at it: take it out of the indexes, tell of its end, and
-- note that it may have had a seat.
--@use emit
local function end_missing(sid, owner, store)
  redis.call('ZREM', store.tag .. 'x', sid)
  if owner ~= '' then redis.call('ZREM', store.tag .. 'o:' .. owner, sid) end
  redis.call('SADD', store.tag .. 'q', 'unknown ' .. sid)
  emit('expired', {sid = sid, owner = owner}, 'timed out', store)
end
