#!lua flags=allow-oom
-- Give a session that is there already the ticket of a seat, unless it has one.
--
-- KEYS[1] session  {P:B}s:SID  hash
-- ARGV[1] ticket  of the seat
-- ARGV[2] pool    private or public: which sessions the seats are for
-- Derives  none
-- Returns  {ticket that it has now}; empty: there is no session, or it is of the other kind
local session = KEYS[1]
local ticket = ARGV[1]
local pool = ARGV[2]
local known = redis.call('HMGET', session, 'f', 'e', 'o')
if not known[1] or known[2] or (known[3] == '*') ~= (pool == 'public') then return {''} end
redis.call('HSETNX', session, 's', ticket)
return {redis.call('HGET', session, 's')}
