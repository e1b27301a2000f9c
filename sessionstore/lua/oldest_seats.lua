#!lua flags=no-writes
-- The seats whose sessions were least recently active, as far as the pool knows.
--
-- KEYS[1] seats  {P:seat:POOL}  zset
-- ARGV[1] page  how many, at most 500
-- Derives  none
-- Returns  {sid, last activity as known, ...}
local seats = KEYS[1]
local page = tonumber(ARGV[1])
return redis.call('ZRANGE', seats, 0, page - 1, 'WITHSCORES')
