#!lua flags=allow-oom
-- Remove keys that a store keeps for good; for a store that was made for a while and has no sessions left.
--
-- KEYS[1...] permanent  {P:B}x or {P:B}p or {P:B}ev or {P:B}q or {P:store}  hash
-- Derives  none
-- Returns  {removed}: how many there were
local removed = 0
for i = 1, #KEYS do removed = removed + redis.call('UNLINK', KEYS[i]) end
return {removed}
