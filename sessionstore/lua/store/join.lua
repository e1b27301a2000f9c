#!lua flags=allow-oom
-- Agree on what is fixed for the life of a store: the first client writes it, later ones are told.
-- Also on a full server, for who makes room must connect first.
--
-- KEYS[1] store  {P:store}  hash
-- ARGV[1] buckets  how many buckets the client would use; empty: do not make the store
-- Derives  none
-- Returns  {buckets}
--          | {}: there is no store
local store = KEYS[1]
local buckets = ARGV[1]
if buckets ~= '' then redis.call('HSETNX', store, 'buckets', buckets) end
local found = redis.call('HGET', store, 'buckets')
return found and {found} or {}
