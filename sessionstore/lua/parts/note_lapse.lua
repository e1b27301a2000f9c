-- Note that the holder has lost its lease. The session gets a new fence. The old one goes into the list of lost fences,
-- so that a late close by it is told apart from a close that is sent again. The first number of the list is the floor:
-- up to it no fence is known any more.
--@use emit
local function note_lapse(s, store)
  local lost = (redis.call('HGET', s.session, 'y') or '0') .. string.format(' %d', s.fence)
  if #lost > 160 then lost = string.match(lost, '^%d+ (.*)$') end
  s.fence = math.max(s.fence + 1, store.us)
  redis.call('HSET', s.session, 'y', lost, 'f', s.fence)
  emit('lease lost', s, s.label, store)
end
