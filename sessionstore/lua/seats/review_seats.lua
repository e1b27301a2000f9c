#!lua flags=allow-oom
-- Enter what became of seats. Who frees one knows that no session will come with it: deny_seat has said so, or the
-- session that had it has ended.
--
-- KEYS[1] seats  {P:seat:POOL}   zset
-- KEYS[2] fresh  {P:seat:POOL}r  zset
-- KEYS[3] moves  {P:seat:POOL}m  hash
-- ARGV[1...] findings  seat, and the last activity of its session (empty: the seat is free), in turn
-- Derives  none
-- Returns  {freed}
local seats = KEYS[1]
local fresh = KEYS[2]
local moves = KEYS[3]
--@use free_seat

local freed = 0
for i = 1, #ARGV, 2 do
  local seat, activity = ARGV[i], ARGV[i + 1]
  redis.call('ZREM', fresh, seat)
  if activity == '' then freed = freed + (free_seat(seat, seats, fresh, moves) and 1 or 0)
  else redis.call('ZADD', seats, 'XX', activity, seat) end
end
return {freed}
