#!lua flags=no-writes
-- Read parameters: as they are decided for the store, or as a bucket or a pool ({P:seat:POOL}p) has them.
--
-- KEYS[1] parameters  {P:store}  hash
-- Derives  none
-- Returns  {name, value, ...}
local parameters = KEYS[1]
return redis.call('HGETALL', parameters)
