#!lua flags=no-writes
-- Tell over how many buckets a store is spread, for who looks after it.
--
-- KEYS[1] store  {P:store}  hash
-- Derives  none
-- Returns  {buckets}
--          | {}: there is no store
local store = KEYS[1]
local found = redis.call('HGET', store, 'buckets')
return found and {found} or {}
