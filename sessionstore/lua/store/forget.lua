#!lua flags=allow-oom
-- Remove keys that a store keeps for good; for a store that was made for a while and has no sessions
-- left (also {P:B}p, {P:B}ev, {P:B}q). Each call is for the keys of one tag. The keys of the store itself have one
-- tag, and so have those of a pool.
--
-- KEYS[1...] permanent  {P:B}x  zset
-- Derives  none
-- Returns  {removed}: how many there were
local removed = 0
for i = 1, #KEYS do removed = removed + redis.call('UNLINK', KEYS[i]) end
return {removed}
