#!lua
-- Make a session, within its owner's quota, and open it if asked to.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- KEYS[3] creates     {P:B}c      zset
-- ARGV[1] ticket       names this call: repeated, it gets the same answer
-- ARGV[2] label        who opens it, for others to read
-- ARGV[3] owner        a user id, * for public, empty for anonymous
-- ARGV[4] timeout_ms   empty: the store's
-- ARGV[5] lifetime_ms  empty: the store's
-- ARGV[6] opened       1: the caller holds it; 0: it is closed
-- ARGV[7] seat         ticket of its seat in the pool of its kind, and what the demand for it said; empty: it has none
-- ARGV[8...] attributes  names and values in turn
-- Derives  {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}q, {P:B}w:SID, {P:B}g:TICKET, {P:B}m:TICKET, {P:B}v:ID, {P:B}r:ID
-- Returns  {'OPEN', lease_end, lease_ms, {f, o, t, c, a, l, s}} | 'EXISTS' | {'OVER', reason}
--          | {'LIMIT', n} | {'CROWDED', n, evict}: there may be room, but it takes more than one call
--          | {'SEAT', pool, evict, demand}: it needs one, or another one | {'TOOBIG', size, limit}
--          | 'LOST': made by this call, and somebody else's since
--          | {'MOVING', how}
local session = KEYS[1]
local parameters = KEYS[2]
local creates = KEYS[3]
local ticket = ARGV[1]
local label = ARGV[2]
local owner = ARGV[3]
local timeout_ms = tonumber(ARGV[4])
local lifetime_ms = tonumber(ARGV[5])
local opened = ARGV[6]
local seat = ARGV[7]
--@use begin
--@use look
--@use clear_for_create
--@use write_new
--@use extend_expiry
--@use emit
--@use parameter

local store = begin(parameters)
local before = look(session, store)
-- It is sent again after a lost reply: it is done, and others may have done something with it since.
local made = tonumber(redis.call('ZSCORE', creates, ticket) or '')
if made and not (before and before.in_transit) then
  local gone = not before or tonumber(before.created) ~= made and not before.ended
  if opened ~= '1' and (gone or before.over) then
    local lifetime = lifetime_ms or parameter(store, 'lifetime')
    local timeout = timeout_ms or parameter(store, 'timeout')
    local fence = string.format('%d', gone and made * 1000 or before.fence)
    return {'OPEN', 0, -store.now, {fence, owner, timeout, made, made, lifetime and made + lifetime, false}}
  end
  if gone or before.over then return {'OVER', gone and 'deleted' or before.over} end
  if before.ticket ~= ticket and opened == '1' or before.lapsed then return 'LOST' end
  local lease_end = before.ticket == ticket and before.lease_end or 0
  return {'OPEN', lease_end, lease_end - store.now, redis.call('HMGET', session, 'f', 'o', 't', 'c', 'a', 'l', 's')}
end
-- What is needed from here on is read at once.
parameter(store, 'timeout', 'lifetime', 'max_per_owner', 'linger', 'at_timeout', 'max_events')
local sid = string.sub(session, #store.tag + 3)
local refusal = clear_for_create(before, owner, false, seat, ARGV, 8, store)
if refusal then return refusal end

local lifetime = lifetime_ms or parameter(store, 'lifetime')
local s = {
  session = session, sid = sid, owner = owner, timeout = timeout_ms or parameter(store, 'timeout'),
  -- It is later than that of any earlier session of this name, and so tells them apart.
  created = before and math.max(store.now, math.floor(before.fence / 1000) + 1) or store.now,
  ends = lifetime and store.now + lifetime,
  lease_end = opened == '1' and store.now + store.lease or 0,
}
local holder = string.format('%013d%s%s%s', s.lease_end, opened == '1' and 'o' or 'c', ticket, label)
write_new(s, before, holder, '', seat, ARGV, 8, store)
if opened == '1' then extend_expiry(s, store) end
emit('created', s, '', store)
-- One key for all: sessions are made by the thousand, and this is needed for a minute.
redis.call('ZADD', creates, s.created, ticket)
redis.call('ZREMRANGEBYSCORE', creates, '-inf', store.now - 60000)
redis.call('PEXPIRE', creates, 60000)
return {'OPEN', s.lease_end, s.lease_end - store.now, redis.call('HMGET', session, 'f', 'o', 't', 'c', 'a', 'l', 's')}
