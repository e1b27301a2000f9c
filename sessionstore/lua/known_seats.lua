#!lua flags=no-writes
-- The last activity of sessions as their pool knows it.
--
-- KEYS[1] seats  {P:seat:POOL}  zset
-- ARGV[1...] sids  of which sessions
-- Derives  none
-- Returns  {activity or empty, ...}
local seats = KEYS[1]
local known = {}
for i = 1, #ARGV do known[i] = redis.call('ZSCORE', seats, ARGV[i]) or '' end
return known
