#!lua
-- Become the holder of a session in one step, or take a place in the line for it.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] waiters     {P:B}w:SID  list
-- KEYS[3] parameters  {P:B}p      hash
-- ARGV[1] ticket     names this opening: repeated, it gets the same answer
-- ARGV[2] label      who opens it, for others to read
-- ARGV[3] lease_ms   empty: the store's
-- ARGV[4] wait_ms    empty: the store's
-- ARGV[5] wait_end   when the wait ends, as an earlier answer said; empty at first
-- ARGV[6] owner      the owner expected; {any}: whoever
-- ARGV[7] user       the acting user, if not privileged; empty: anybody's sessions are visible
-- ARGV[8...] names   of the fields asked for; none: all; one that is empty: they are read behind this call
-- Derives  {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}q, {P:B}g:TICKET, {P:B}v:ID
-- Returns  {'OPEN', lease_end, lease_ms, facts and attributes, or the values of names, or nothing} | 'ABSENT'
--          | {'OVER', reason} | {'HELD', holder, lease_end, waiting} | {'QUEUED', wait_end, look_again_ms}
--          | {'FULL', n} | {'MOVING', how}
local session = KEYS[1]
local waiters = KEYS[2]
local parameters = KEYS[3]
local ticket = ARGV[1]
local label = ARGV[2]
local lease_ms = tonumber(ARGV[3])
local wait_ms = tonumber(ARGV[4])
local wait_end = tonumber(ARGV[5])
local owner = ARGV[6]
local user = ARGV[7]
--@use begin
--@use look
--@use visible
--@use catch_up
--@use drop_expired

local store = begin(parameters)
local s = look(session, store)
if not s or not visible(s, owner, user) then return 'ABSENT' end
if s.in_transit then return {'MOVING', s.moving} end
s.asking = ticket
catch_up(s, waiters, store)
if s.over then return {'OVER', s.over} end
drop_expired(s, store)

if not s.held or s.ticket == ticket then
  if not s.held then s.fence = math.max(s.fence + 1, store.us) end
  if not s.held or s.mark == 'g' then
    s.lease_end = store.now + (lease_ms or store.lease)
    redis.call('HSET', session, 'f', s.fence,
      'h', string.format('%013do%s%s', s.lease_end, ticket, label))
    -- The deadline is over if the store keeps what times out.
    if (lease_ms or store.lease) > s.timeout or s.deadline <= store.now then
      --@use extend_expiry
      extend_expiry(s, store)
    end
  end
  if ARGV[8] == '' then return {'OPEN', s.lease_end, s.lease_end - store.now} end
  if #ARGV > 7 then
    --@use values_of
    return {'OPEN', s.lease_end, s.lease_end - store.now, values_of(session, ARGV, 8)}
  end
  return {'OPEN', s.lease_end, s.lease_end - store.now, redis.call('HGETALL', session)}
end

--@use enqueue
--@use leave_line
--@use walk_line
--@use parameter
-- Nobody waits for longer than was asked, even if the clock is put back.
local until_ = math.min(wait_end or math.huge, store.now + (wait_ms or parameter(store, 'wait')))
if until_ > store.now then
  if not enqueue(waiters, ticket, label, until_, store) then return {'FULL', parameter(store, 'max_waiters')} end
  return {'QUEUED', until_, math.min(until_, s.lease_end) - store.now}
end
if wait_end then leave_line(waiters, ticket) end
return {'HELD', s.label, s.lease_end, (walk_line(waiters, ticket, store))}
