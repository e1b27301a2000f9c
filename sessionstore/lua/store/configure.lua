#!lua flags=allow-oom
-- Decide on parameters: they get a higher version. Buckets and pools are brought to it from here, by whoever comes by.
--
-- KEYS[1] store    {P:store}          hash
-- KEYS[2] receipt  {P:store}r:TICKET  string
-- ARGV[1...] changes  names and values in turn; what is so already is no change
-- Derives  none
-- Returns  {name, value, ...}: all that is decided
local store = KEYS[1]
local receipt = KEYS[2]
local changed = {}
if redis.call('EXISTS', receipt) == 0 then
  for i = 1, #ARGV, 2 do
    if redis.call('HGET', store, ARGV[i]) ~= ARGV[i + 1] then
      changed[#changed + 1], changed[#changed + 2] = ARGV[i], ARGV[i + 1]
    end
  end
end
if #changed > 0 then
  -- Made of time, as a fence is: what a failover has forgotten does not come again.
  local time = redis.call('TIME')
  local known = tonumber(redis.call('HGET', store, 'version') or 0)
  local version = string.format('%d', math.max(known + 1, time[1] * 1000000 + time[2]))
  for i = 1, #changed, 2 do
    local name, value = changed[i], changed[i + 1]
    local pool = string.match(name, '^max_(p%l+)$')
    if pool == 'private' or pool == 'public' then
      -- From which version on there are seats: those of an earlier time are not valid any more.
      if value == 'none' then redis.call('HDEL', store, 'seats_' .. pool)
      else redis.call('HSETNX', store, 'seats_' .. pool, version) end
    end
    -- Sessions that are there have to be shortened, or their keys to stay for longer.
    if name == 'max_timeout' and value ~= 'none' or name == 'at_timeout' and value == 'keep'
      or name == 'linger' and tonumber(value) > tonumber(redis.call('HGET', store, 'linger') or 60000) then
      redis.call('HSET', store, 'revisits', version)
    end
  end
  redis.call('HSET', store, 'version', version, unpack(changed))
  redis.call('SET', receipt, '', 'PX', 60000)
end
return redis.call('HGETALL', store)
