-- The store as this script finds it: the bucket's tag, the time of Redis, and the parameters (false: no limit).
-- The parameters that nearly every call needs are read at once, the others when they are asked for.
local function begin(parameters)
  local defaults = {
    timeout = 900000, max_timeout = false, lifetime = false, lease = 30000, wait = 0, max_waiters = 64,
    max_per_owner = false, max_bytes = 1048576, linger = 60000, max_events = 100, at_limit = 'refuse',
    seats_private = false, seats_public = false,
  }
  local function value(name, stored)
    if not stored then return defaults[name] end
    return tonumber(stored) or stored ~= 'none' and stored
  end

  local time = redis.call('TIME')
  local us = time[1] * 1000000 + time[2]
  local often = redis.call('HMGET', parameters, 'max_timeout', 'lease', 'max_bytes')
  local store = {
    tag = string.match(parameters, '^%b{}'), us = us, now = math.floor(us / 1000),
    max_timeout = value('max_timeout', often[1]), lease = value('lease', often[2]),
    max_bytes = value('max_bytes', often[3]),
  }
  return setmetatable(store, {__index = function(self, name)
    local found = value(name, redis.call('HGET', parameters, name))
    rawset(self, name, found)
    return found
  end})
end
