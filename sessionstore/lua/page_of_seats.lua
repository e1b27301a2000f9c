#!lua flags=no-writes
-- A page of the seats of a pool, those with the least activity first, as far as the pool knows.
--
-- KEYS[1] seats  {P:seat:POOL}  zset
-- ARGV[1] first  how many to pass over
-- ARGV[2] page   how many, at most 500
-- Derives  none
-- Returns  {seat, last activity as known, ...}
local seats = KEYS[1]
local first = tonumber(ARGV[1])
local page = tonumber(ARGV[2])
return redis.call('ZRANGE', seats, first, first + page - 1, 'WITHSCORES')
