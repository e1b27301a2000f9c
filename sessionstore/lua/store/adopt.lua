#!lua flags=allow-oom
-- Bring a bucket to the parameters that were decided, unless it has later ones. If sessions that time out are kept from
-- now on, the bucket notes since when: what has timed out before that does not live again.
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
local before = redis.call('HMGET', parameters, 'at_timeout', 'kept_since')
redis.call('DEL', parameters)
redis.call('HSET', parameters, 'version', version, unpack(ARGV, 2))
if redis.call('HGET', parameters, 'at_timeout') == 'keep' then
  local time = redis.call('TIME')
  local since = time[1] * 1000 + math.floor(time[2] / 1000)
  if before[1] == 'keep' then since = before[2] or 0 end
  redis.call('HSET', parameters, 'kept_since', since)
end
return {tonumber(version)}
