#!lua flags=no-writes
-- Tell the time.
--
-- KEYS[1] store  {P:store}  hash
-- Derives  none
-- Returns  {milliseconds}
local store = KEYS[1]
local time = redis.call('TIME')
return {time[1] * 1000 + math.floor(time[2] / 1000)}
