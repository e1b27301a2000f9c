#!lua flags=allow-oom
-- Enter what became of seats.
--
-- KEYS[1] seats  {P:seat:POOL}   zset
-- KEYS[2] fresh  {P:seat:POOL}r  zset
-- ARGV[1] sparing  1: a seat that was taken a moment ago is not freed: its session may be about to be created
-- ARGV[2...] findings  seat, and the last activity of its session (empty: the seat is free), in turn
-- Derives  none
-- Returns  {freed}
local seats = KEYS[1]
local fresh = KEYS[2]
local sparing = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local freed = 0
for i = 2, #ARGV, 2 do
  local seat, activity = ARGV[i], ARGV[i + 1]
  local young = tonumber(redis.call('ZSCORE', fresh, seat) or 0) > now
  if activity ~= '' or not young or sparing ~= '1' then
    redis.call('ZREM', fresh, seat)
    if activity == '' then freed = freed + redis.call('ZREM', seats, seat)
    else redis.call('ZADD', seats, 'XX', activity, seat) end
  end
end
return {freed}
