#!lua flags=allow-oom
-- Take back the intention to move a session: its holder has gone, and it never arrived.
--
-- KEYS[1] session  {P:B}s:SID  hash
-- ARGV[1] ticket  names the move
-- Derives  none
-- Returns  'STAYS'
local session = KEYS[1]
local ticket = ARGV[1]
local moving = redis.call('HGET', session, 'm')
if moving and string.match(moving, '^> (%S+)') == ticket then redis.call('HDEL', session, 'm') end
return 'STAYS'
