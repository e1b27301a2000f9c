-- When the keys of a session expire that times out at `last` at the latest. It may be kept for a year then, and what it
-- leaves is a tombstone.
local function expiry_of(last, store)
  return last + math.max(store.linger, 30000) + (store.at_timeout == 'keep' and 31536000000 or 0)
end
