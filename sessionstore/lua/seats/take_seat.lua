#!lua flags=allow-oom
-- Take a seat in a pool for a session that is to be. A seat belongs to the call that takes it, so that two calls for
-- one name never share a seat.
--
-- KEYS[1] seats  {P:seat:POOL}   zset
-- KEYS[2] fresh  {P:seat:POOL}r  zset
-- KEYS[3] pool   {P:seat:POOL}p  hash
-- KEYS[4] moves  {P:seat:POOL}m  hash
-- ARGV[1] seat     SID and ticket of the call
-- ARGV[2] force    1: also past the limit, for a session that is there already
-- ARGV[3] instead  the seat that this session has in this pool and gives up when it has moved: until then the new one
--                  stands in for it, and the two have one place; empty: none
-- Derives  none
-- Returns  'TAKEN': or there is no limit any more, and the session that comes with the seat is told so
--          | {'FULL', limit, seat taken long ago and not looked at since, ...}
local seats = KEYS[1]
local fresh = KEYS[2]
local pool = KEYS[3]
local moves = KEYS[4]
local seat = ARGV[1]
local force = ARGV[2]
local instead = ARGV[3]
--@use free_seat

local known = redis.call('HMGET', pool, 'since', 'limit')
if not known[1] or redis.call('ZSCORE', seats, seat) then return 'TAKEN' end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit = tonumber(known[2] or '')
local other = instead ~= '' and redis.call('HGET', moves, instead)
if other then
  -- Either an earlier move of it has come to nothing, or it stands in itself for the seat of an earlier home.
  if redis.call('ZSCORE', seats, instead) then redis.call('HDEL', moves, other)
  else free_seat(other, seats, fresh, moves) end
end
if instead ~= '' and redis.call('ZSCORE', seats, instead) then
  redis.call('HSET', moves, instead, seat, seat, instead)
  redis.call('ZADD', fresh, now + 30000, seat)
  return 'TAKEN'
end
if force ~= '1' and limit and redis.call('ZCARD', seats) >= limit then
  return {'FULL', limit, unpack(redis.call('ZRANGE', fresh, '-inf', now, 'BYSCORE', 'LIMIT', 0, 100))}
end
redis.call('ZADD', seats, now, seat)
redis.call('ZADD', fresh, now + 30000, seat)
return 'TAKEN'
