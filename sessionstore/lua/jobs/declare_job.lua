#!lua
-- Write down what jobs of a name are submitted with by callers who know nothing but the name.
--
-- KEYS[1] declared  {P:store}j:NAME  hash
-- ARGV[1...] fields  of such a job, names and values in turn
-- Derives  none
-- Returns  'DECLARED'
local declared = KEYS[1]
redis.call('DEL', declared)
redis.call('HSET', declared, unpack(ARGV))
redis.call('PEXPIRE', declared, 2592000000)
return 'DECLARED'
