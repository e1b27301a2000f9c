#!lua flags=no-writes
-- Read a session as it is, whoever holds it.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] owner     the owner expected; {any}: whoever
-- ARGV[2] user      the acting user, if not privileged; empty: anybody's sessions are visible
-- ARGV[3...] names  of the fields asked for; none: all
-- Derives  none
-- Returns  {'READ', now, activity, deadline, holder or empty, lease_end, facts and attributes, or the values of names}
--          | 'ABSENT' | {'OVER', reason} | {'DUE', reason}: over, and not ended yet | {'MOVING', how}
local session = KEYS[1]
local parameters = KEYS[2]
local owner = ARGV[1]
local user = ARGV[2]
--@use begin
--@use look
--@use visible
--@use values_of

local store = begin(parameters)
local s = look(session, store)
if not s or not visible(s, owner, user) then return 'ABSENT' end
if s.in_transit then return {'MOVING', s.moving} end
if s.over then return {s.ended and 'OVER' or 'DUE', s.over} end
local values = #ARGV > 2 and values_of(session, ARGV, 3) or redis.call('HGETALL', session)
return {'READ', store.now, s.activity, s.deadline, s.held and s.label or '', s.held and s.lease_end or 0, values}
