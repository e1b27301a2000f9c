-- When the keys of a session expire that times out at `last` at the latest. It may be kept for a year then, and what it
-- leaves is a tombstone.
--@use parameter
local function expiry_of(last, store)
  local expiry = last + math.max(parameter(store, 'linger', 'at_timeout'), 30000)
  if parameter(store, 'at_timeout') == 'keep' then return expiry + 31536000000 end
  return expiry
end
