-- The store as this script finds it: the tag of the bucket, the time of Redis, and the parameters that nearly every
-- call needs (false: no limit). For the others see parameter.
local function begin(parameters)
  local time = redis.call('TIME')
  local us = time[1] * 1000000 + time[2]
  local often = redis.call('HMGET', parameters, 'max_timeout', 'lease', 'max_bytes')
  return {
    tag = string.sub(parameters, 1, -2), us = us, now = math.floor(us / 1000), parameters = parameters,
    max_timeout = tonumber(often[1] or 'none') or false, lease = tonumber(often[2] or 30000),
    max_bytes = tonumber(often[3] or 1048576) or false,
  }
end
