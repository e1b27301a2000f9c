#!lua flags=allow-oom
-- End a session: now if nobody holds it (or its holder asks), else when its holder gives it back.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] waiters     {P:B}w:SID  list
-- KEYS[3] parameters  {P:B}p      hash
-- ARGV[1] ticket    names this call: repeated, it gets the same answer
-- ARGV[2] label     who asks, for others to read
-- ARGV[3] fence     of the opening, if the holder asks; else empty
-- ARGV[4] reason    why it ends
-- ARGV[5] wait_ms   how long the caller waits for the end
-- ARGV[6] wait_end  when the wait ends, as an earlier answer said; empty at first
-- ARGV[7] owner     the owner expected; {any}: whoever
-- ARGV[8] user      the acting user, if not privileged; empty: anybody's sessions are visible
-- ARGV[9] which     when the session that is meant was made, and its origin; empty: whichever has the name
-- Derives  {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}q, {P:B}g:TICKET, {P:B}v:ID
-- Returns  {'ENDED', what is left to be done elsewhere, ...} | 'PENDING' | {'QUEUED', wait_end, look_again_ms}
--          | 'ABSENT' | {'OVER', reason} | 'LOST' | {'MOVING', how}
local session = KEYS[1]
local waiters = KEYS[2]
local parameters = KEYS[3]
local ticket = ARGV[1]
local label = ARGV[2]
local fence = tonumber(ARGV[3])
local reason = ARGV[4]
local wait_ms = tonumber(ARGV[5])
local wait_end = tonumber(ARGV[6])
local owner = ARGV[7]
local user = ARGV[8]
local which = ARGV[9]
--@use begin
--@use look
--@use visible
--@use catch_up
--@use is_same
--@use note_lapse
--@use end_session
--@use enqueue

local store = begin(parameters)
local s = look(session, store)
if redis.call('EXISTS', store.tag .. 'r:' .. ticket) == 1 then return {'ENDED'} end
if not s and fence then return {'OVER', 'timed out'} end
if not s or not visible(s, owner, user) then return 'ABSENT' end
if s.in_transit then return {'MOVING', s.moving} end
if s.over then
  catch_up(s, waiters, store)
  return {'OVER', s.over}
end
if which ~= '' and not is_same(s, which) then return {'OVER', 'deleted'} end
if fence and (s.fence ~= fence or not s.held) then return 'LOST' end

if not s.held or fence then
  if s.lapsed then note_lapse(s, store) end
  s.deleter, s.over = ticket, reason
  return {'ENDED', unpack(end_session(s, store))}
end
redis.call('HSETNX', session, 'd', ticket .. ' ' .. reason)
-- From now on it ends with its lease at the latest: that is its place in the indexes.
redis.call('ZADD', store.tag .. 'x', 'LT', s.lease_end, s.sid)
if s.owner ~= '' then redis.call('ZADD', store.tag .. 'o:' .. s.owner, 'LT', s.lease_end, s.sid) end
local until_ = math.min(wait_end or math.huge, store.now + wait_ms)
if until_ <= store.now then return 'PENDING' end
enqueue(waiters, ticket, label, until_, store) -- without a place in the line nobody wakes it, and it looks by itself
return {'QUEUED', until_, math.min(until_, s.lease_end) - store.now}
