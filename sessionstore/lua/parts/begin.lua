-- The store as this script finds it: its parameters (nil: no limit), the bucket's tag and the time of Redis.
local function begin(parameters)
  local defaults = {
    timeout = 900000, max_timeout = false, lifetime = false, lease = 30000, wait = 0, max_waiters = 64,
    max_per_owner = false, max_bytes = 1048576, linger = 60000, max_events = 1000,
    at_limit = 'refuse', seats_private = false, seats_public = false,
  }
  local names = {
    'timeout', 'max_timeout', 'lifetime', 'lease', 'wait', 'max_waiters',
    'max_per_owner', 'max_bytes', 'linger', 'max_events', 'at_limit', 'seats_private', 'seats_public',
  }
  local stored = redis.call('HMGET', parameters, unpack(names))
  local store = {tag = string.match(parameters, '^%b{}')}
  for i, name in ipairs(names) do
    local value = stored[i] or defaults[name]
    if name == 'at_limit' then store.evict = value == 'evict'
    elseif value then store[name] = tonumber(value) end
  end
  local time = redis.call('TIME')
  store.us = time[1] * 1000000 + time[2]
  store.now = math.floor(store.us / 1000)
  return store
end
