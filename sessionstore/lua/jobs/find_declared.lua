#!lua flags=no-writes
-- Read what jobs of a name are submitted with.
--
-- KEYS[1] declared  {P:store}j:NAME  hash
-- Derives  none
-- Returns  {name of a field, value, ...}
local declared = KEYS[1]
return redis.call('HGETALL', declared)
