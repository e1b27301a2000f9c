#!lua
-- Count this moment as activity of a closed session; an open one needs no such thing.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] waiters     {P:B}w:SID  list
-- KEYS[3] parameters  {P:B}p      hash
-- ARGV[1] owner  the owner expected; {any}: whoever
-- ARGV[2] user   the acting user, if not privileged; empty: anybody's sessions are visible
-- Derives  {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}q, {P:B}g:TICKET, {P:B}v:ID
-- Returns  'TOUCHED' | 'ABSENT' | {'OVER', reason} | {'MOVING', how}
local session = KEYS[1]
local waiters = KEYS[2]
local parameters = KEYS[3]
local owner = ARGV[1]
local user = ARGV[2]
--@use begin
--@use look
--@use visible
--@use catch_up
--@use index_session

local store = begin(parameters)
local s = look(session, store)
if not s or not visible(s, owner, user) then return 'ABSENT' end
if s.in_transit then return {'MOVING', s.moving} end
catch_up(s, waiters, store)
if s.over then return {'OVER', s.over} end
if not s.held and store.now > s.stored_activity then
  s.activity = store.now
  redis.call('HSET', session, 'a', s.activity, 't', s.timeout)
  index_session(s, store)
end
return 'TOUCHED'
