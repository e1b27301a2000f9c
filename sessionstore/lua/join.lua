#!lua
-- Agree on what is fixed for the life of a store: the first client writes it, later ones are told.
--
-- KEYS[1] store  {P:store}  hash
-- ARGV[1] buckets  how many buckets the client would use
-- Derives  none
-- Returns  {buckets}
local store = KEYS[1]
local buckets = tonumber(ARGV[1])
redis.call('HSETNX', store, 'buckets', buckets)
return {redis.call('HGET', store, 'buckets')}
