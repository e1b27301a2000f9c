-- A parameter of the store that begin has not read (false: no limit). It is read once, when it is asked for first;
-- others that the script will need as well can be named behind it, and are read along with it.
local function parameter(store, name, ...)
  if store[name] ~= nil then return store[name] end
  local defaults = {
    timeout = 900000, lifetime = false, wait = 0, max_waiters = 64, max_per_owner = false, linger = 60000,
    max_events = 100, at_limit = 'refuse', at_timeout = 'end', kept_since = false, seats_private = false,
    seats_public = false, max_jobs = 100, max_jobs_per_owner = false,
  }
  local names = {name, ...}
  for i, value in ipairs(redis.call('HMGET', store.parameters, unpack(names))) do
    if store[names[i]] ~= nil then value = nil -- it is known
    elseif value then store[names[i]] = tonumber(value) or value ~= 'none' and value
    else store[names[i]] = defaults[names[i]] end
  end
  return store[name]
end
