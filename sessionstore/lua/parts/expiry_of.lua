-- When the keys of a session expire that times out at `last` at the latest. It may be kept for a year then. What it
-- leaves is a tombstone. And who sweeps once a minute, and misses one, must still find it, to tell whose it was.
--@use parameter
local function expiry_of(last, store)
  local expiry = last + math.max(parameter(store, 'linger', 'at_timeout'), 120000)
  if parameter(store, 'at_timeout') == 'keep' then return expiry + 31536000000 end
  return expiry
end
