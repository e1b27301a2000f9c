#!lua flags=allow-oom
-- Enter what became of seats. Who frees one knows that no session will come with it: deny_seat has said so, or the
-- session that had it has ended.
--
-- KEYS[1] seats  {P:seat:POOL}   zset
-- KEYS[2] fresh  {P:seat:POOL}r  zset
-- ARGV[1...] findings  seat, and the last activity of its session (empty: the seat is free), in turn
-- Derives  none
-- Returns  {freed}
local seats = KEYS[1]
local fresh = KEYS[2]
local freed = 0
for i = 1, #ARGV, 2 do
  local seat, activity = ARGV[i], ARGV[i + 1]
  redis.call('ZREM', fresh, seat)
  if activity == '' then freed = freed + redis.call('ZREM', seats, seat)
  else redis.call('ZADD', seats, 'XX', activity, seat) end
end
return {freed}
