#!lua
-- Set the limit of a pool, or close the pool.
--
-- KEYS[1] seats  {P:seat:POOL}   zset
-- KEYS[2] fresh  {P:seat:POOL}r  zset
-- KEYS[3] pool   {P:seat:POOL}p  hash
-- ARGV[1] limit  empty: no limit any more, and no seats
-- Derives  none
-- Returns  {'LIMITED'}
local seats = KEYS[1]
local fresh = KEYS[2]
local pool = KEYS[3]
local limit = ARGV[1]
if limit == '' then redis.call('UNLINK', seats, fresh, pool)
else redis.call('HSET', pool, 'limit', limit) end
return {'LIMITED'}
