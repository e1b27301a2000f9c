#!lua flags=no-writes
-- A page of the seats of a pool, those with the least activity first, as far as the pool knows.
--
-- KEYS[1] seats  {P:seat:POOL}   zset
-- KEYS[2] pool   {P:seat:POOL}p  hash
-- ARGV[1] first  how many to pass over
-- ARGV[2] page   how many, at most 500
-- Derives  none
-- Returns  {excess, seat, last activity as known, ...}; excess: how many have to go, so that there is a seat
local seats = KEYS[1]
local pool = KEYS[2]
local first = tonumber(ARGV[1])
local page = tonumber(ARGV[2])
local limit = tonumber(redis.call('HGET', pool, 'limit') or '')
local found = redis.call('ZRANGE', seats, first, first + page - 1, 'WITHSCORES')
return {limit and redis.call('ZCARD', seats) - limit + 1 or 0, unpack(found)}
