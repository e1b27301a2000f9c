#!lua
-- Take a seat for a session in the pool of its kind, before it is created.
--
-- KEYS[1] seats  {P:seat:POOL}   zset
-- KEYS[2] fresh  {P:seat:POOL}r  zset
-- KEYS[3] pool   {P:seat:POOL}p  hash
-- ARGV[1] sid    the session to be
-- ARGV[2] force  1: also past the limit, for a session that gives up another seat at once
-- Derives  none
-- Returns  {'TAKEN'} | {'FULL', limit, sid of a seat taken long ago and not yet looked at, ...}
local seats = KEYS[1]
local fresh = KEYS[2]
local pool = KEYS[3]
local sid = ARGV[1]
local force = ARGV[2]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit = tonumber(redis.call('HGET', pool, 'limit') or '')
if not redis.call('ZSCORE', seats, sid) and force ~= '1' and limit and redis.call('ZCARD', seats) >= limit then
  return {'FULL', limit, unpack(redis.call('ZRANGE', fresh, '-inf', now, 'BYSCORE', 'LIMIT', 0, 100))}
end
redis.call('ZADD', seats, now, sid)
redis.call('ZADD', fresh, now + 30000, sid)
return {'TAKEN'}
