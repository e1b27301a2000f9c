#!lua flags=no-writes
-- Go through the seats of a pool, in no order: one that is there all the time is seen.
--
-- KEYS[1] seats  {P:seat:POOL}  zset
-- ARGV[1] cursor  as the last page gave it; 0 at first
-- Derives  none
-- Returns  {cursor, seat, ...}
local seats = KEYS[1]
local cursor = ARGV[1]
local page = redis.call('ZSCAN', seats, cursor, 'COUNT', 250)
local found = {page[1]}
for i = 1, #page[2], 2 do found[#found + 1] = page[2][i] end
return found
