#!lua flags=allow-oom
-- Strike out ended sessions whose seats have been given back.
--
-- KEYS[1] ended  {P:B}q  set
-- ARGV[1...] members  as sweep told them
-- Derives  none
-- Returns  {struck}
local ended = KEYS[1]
local struck = 0
for i = 1, #ARGV do struck = struck + redis.call('SREM', ended, ARGV[i]) end
return {struck}
