#!lua flags=allow-oom
-- Open a pool, set its limit, or close it, unless it knows a later version of the parameters.
--
-- KEYS[1] seats  {P:seat:POOL}   zset
-- KEYS[2] fresh  {P:seat:POOL}r  zset
-- KEYS[3] pool   {P:seat:POOL}p  hash
-- KEYS[4] moves  {P:seat:POOL}m  hash
-- ARGV[1] version  of the parameters
-- ARGV[2] since    from which version on there are seats; empty: there are none
-- ARGV[3] limit    empty: as it is; one that has just been opened has none
-- Derives  none
-- Returns  {version that it has now}
local seats = KEYS[1]
local fresh = KEYS[2]
local pool = KEYS[3]
local moves = KEYS[4]
local version = ARGV[1]
local since = ARGV[2]
local limit = ARGV[3]
local known = redis.call('HMGET', pool, 'version', 'since')
if tonumber(known[1] or 0) > tonumber(version) then return {tonumber(known[1])} end
if (known[2] or '') ~= since then
  redis.call('UNLINK', seats, fresh, moves)
  redis.call('HDEL', pool, 'limit', 'since')
end
redis.call('HSET', pool, 'version', version)
if since ~= '' then redis.call('HSET', pool, 'since', since) end
if limit ~= '' then redis.call('HSET', pool, 'limit', limit) end
return {tonumber(version)}
