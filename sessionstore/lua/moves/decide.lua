#!lua flags=allow-oom
-- Decide whether a move has happened: one that has not arrived by now never will.
--
-- KEYS[1] decision  {P:B}m:TICKET  string
-- Derives  none
-- Returns  'arrived' | 'denied'
local decision = KEYS[1]
redis.call('SET', decision, 'denied', 'NX', 'PX', 86400000)
return redis.call('GET', decision)
