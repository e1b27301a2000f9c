-- Note that the holder lost its lease: its fence is not that of the session any more, and is kept among the last
-- losses, so that its late close is told apart from a repeated one. The first number there is the floor: no fence up
-- to it is known any more.
--@use emit
local function lapse(s, store)
  local lost = (redis.call('HGET', s.session, 'y') or '0') .. string.format(' %.0f', s.fence)
  if #lost > 160 then lost = string.match(lost, '^%d+ (.*)$') end
  s.fence = math.max(s.fence + 1, store.us)
  redis.call('HSET', s.session, 'y', lost, 'f', string.format('%.0f', s.fence))
  emit('lease lost', s, s.label, store)
end
