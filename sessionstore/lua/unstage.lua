#!lua flags=allow-oom
-- Remove values that no session will name, and the receipts that they are whole.
--
-- KEYS[1...] values  {P:B}v:ID or {P:B}r:ID  any
-- Derives  none
-- Returns  {removed}: how many there were
local removed = 0
for i = 1, #KEYS do removed = removed + redis.call('UNLINK', KEYS[i]) end
return {removed}
