-- The store as this script finds it: the tag of the bucket, the time of Redis, and the parameters (false: no limit).
-- It reads at once the parameters that nearly every call needs, and the others when they are asked for.
local function begin(parameters)
  local time = redis.call('TIME')
  local us = time[1] * 1000000 + time[2]
  local often = redis.call('HMGET', parameters, 'max_timeout', 'lease', 'max_bytes')
  local store = {
    tag = string.sub(parameters, 1, -2), us = us, now = math.floor(us / 1000),
    max_timeout = tonumber(often[1] or 'none') or false, lease = tonumber(often[2] or 30000),
    max_bytes = tonumber(often[3] or 1048576) or false,
  }
  return setmetatable(store, {__index = function(self, name)
    local value = redis.call('HGET', parameters, name)
    if value then
      value = tonumber(value) or value ~= 'none' and value
    else
      local defaults = {
        timeout = 900000, lifetime = false, wait = 0, max_waiters = 64, max_per_owner = false, linger = 60000,
        max_events = 100, at_limit = 'refuse', at_timeout = 'end', seats_private = false, seats_public = false,
      }
      value = defaults[name]
    end
    rawset(self, name, value)
    return value
  end})
end
