#!lua
-- Give a session that is there already the ticket of a seat, unless it has one.
--
-- KEYS[1] session  {P:B}s:SID  hash
-- ARGV[1] ticket  of the seat
-- Derives  none
-- Returns  {ticket that it has now, or empty if there is no session}
local session = KEYS[1]
local ticket = ARGV[1]
local known = redis.call('HMGET', session, 'f', 'e')
if not known[1] or known[2] then return {''} end
redis.call('HSETNX', session, 's', ticket)
return {redis.call('HGET', session, 's')}
