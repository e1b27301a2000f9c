#!lua flags=allow-oom
-- Note that all buckets and pools have come to a version of the parameters. One of them may have a higher version,
-- which a failover has forgotten here. Then what is decided gets a version above it, and all is to be done again.
--
-- KEYS[1] store  {P:store}  hash
-- ARGV[1] version  that somebody has carried out
-- ARGV[2] met      the highest that a bucket or pool has
-- Derives  none
-- Returns  {name, value, ...}: all that is decided
local store = KEYS[1]
local version = ARGV[1]
local met = tonumber(ARGV[2])
local known = redis.call('HMGET', store, 'version', 'applied', 'seats_private', 'seats_public', 'revisits')
if met > tonumber(known[1] or 0) then
  local time = redis.call('TIME')
  local above = string.format('%d', math.max(met + 1, time[1] * 1000000 + time[2]))
  redis.call('HSET', store, 'version', above)
  for i, name in ipairs({'seats_private', 'seats_public', 'revisits'}) do
    if known[i + 2] then redis.call('HSET', store, name, above) end
  end
elseif met == tonumber(version) and met > tonumber(known[2] or 0) then
  redis.call('HSET', store, 'applied', version)
end
return redis.call('HGETALL', store)
