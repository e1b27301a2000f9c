#!lua flags=allow-oom
-- Bring a bucket to the parameters that were decided, unless it has later ones.
--
-- KEYS[1] parameters  {P:B}p  hash
-- ARGV[1] version  of the parameters
-- ARGV[2...] all   names and values in turn; what is not among them has its default
-- Derives  none
-- Returns  {version that it has now}
local parameters = KEYS[1]
local version = ARGV[1]
local known = tonumber(redis.call('HGET', parameters, 'version') or 0)
if known >= tonumber(version) then return {known} end
redis.call('DEL', parameters)
redis.call('HSET', parameters, 'version', version, unpack(ARGV, 2))
return {tonumber(version)}
