-- Note that the holder lost its lease, so that a late close of it is told apart from a repeated one.
-- Kept are the last losses; the first number is the floor: no fence up to it is known any more.
local function lapse(s, store)
  local lost = (redis.call('HGET', s.session, 'y') or '0') .. string.format(' %.0f', s.fence)
  if #lost > 160 then lost = string.match(lost, '^%d+ (.*)$') end
  redis.call('HSET', s.session, 'y', lost)
  emit('lease lost', s, s.label, store)
end
