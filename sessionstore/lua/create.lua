#!lua
-- Make a session, within its owner's quota, and open it if asked to.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] ticket       names this call: repeated, it gets the same answer
-- ARGV[2] label        who opens it, for others to read
-- ARGV[3] owner        a user id, * for public, empty for anonymous
-- ARGV[4] timeout_ms   empty: the store's
-- ARGV[5] lifetime_ms  empty: the store's
-- ARGV[6] lease_ms     empty: the store's
-- ARGV[7] opened       1: the caller holds it; 0: it is closed
-- ARGV[8] seat         ticket of its seat in the pool of its kind; empty: none was taken
-- ARGV[9...] attributes  names and values in turn
-- Derives  {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}q, {P:B}w:SID, {P:B}g:TICKET
-- Returns  {'OPEN', lease_end, lease_ms, {f, o, t, c, a, l, s}} | {'EXISTS'} | {'OVER', reason}
--          | {'LIMIT', n} | {'SEAT', pool, evict} | {'TOOBIG', size, limit}
--          | {'MOVING', how}
local session = KEYS[1]
local parameters = KEYS[2]
local ticket = ARGV[1]
local label = ARGV[2]
local owner = ARGV[3]
local timeout_ms = tonumber(ARGV[4])
local lifetime_ms = tonumber(ARGV[5])
local lease_ms = tonumber(ARGV[6])
local opened = ARGV[7]
local seat = ARGV[8]
--@use begin
--@use look
--@use place
--@use keep
--@use emit
--@use lapse
--@use finish
--@use make_room
--@use changed
--@use write

local store = begin(parameters)
local before = look(session, store)
if before and before.ticket == ticket and not before.lapsed and not before.over then
  return {'OPEN', before.lease_end, before.lease_end - store.now, redis.call('HMGET', session, 'f', 'o', 't', 'c', 'a', 'l', 's')}
end
if before and before.ended and redis.call('HGET', session, 'c') == ticket then return {'OVER', before.over} end
if before and before.moving and not before.held and not before.ended then return {'MOVING', before.moving} end
if before and not before.over then return {'EXISTS'} end

if before and not before.ended then
  if before.lapsed then lapse(before, store) end
  finish(before, store)
end
local size = 0
for i = 9, #ARGV do size = size + #ARGV[i] end
if store.max_bytes and size > store.max_bytes then return {'TOOBIG', size, store.max_bytes} end
if not make_room(owner, store) then return {'LIMIT', store.max_per_owner} end
local pool = owner == '*' and 'public' or 'private'
if seat == '' and store['seats_' .. pool] then return {'SEAT', pool, store.at_limit == 'evict' and 1 or 0} end

local s = {session = session, sid = string.sub(session, #store.tag + 3), owner = owner, activity = store.now,
  stored_activity = store.now, size = 0}
s.timeout = timeout_ms or store.timeout
if store.max_timeout and s.timeout > store.max_timeout then s.timeout = store.max_timeout end
local lifetime = lifetime_ms or store.lifetime
s.ends = lifetime and store.now + lifetime
s.fence = before and math.max(before.fence + 1, store.us) or store.us
s.lease_end = opened == '1' and store.now + (lease_ms or store.lease) or 0

-- A delete of the earlier session of this name that is sent again must not end this one.
local deleter = before and redis.call('HGET', session, 'k')
redis.call('DEL', session)
if deleter then redis.call('HSET', session, 'k', deleter) end
redis.call('HSET', session, 'f', string.format('%.0f', s.fence), 't', s.timeout, 'c', store.now, 'a', store.now,
  'h', string.format('%013.0f%s%s%s', s.lease_end, opened == '1' and 'o' or 'c', ticket, label))
if owner ~= '' then redis.call('HSET', session, 'o', owner) end
if seat ~= '' then redis.call('HSET', session, 's', seat) end
if s.ends then redis.call('HSET', session, 'l', s.ends) end
-- No fence up to that of an earlier session of this name may write here, nor be taken for one that has closed.
if before then redis.call('HSET', session, 'y', string.format('%.0f', before.fence)) end
local fields = changed(s, ARGV, 9, (#ARGV - 8) / 2, store)
fields = write(session, fields, ARGV, #ARGV + 1)
if #fields > 0 then redis.call('HSET', session, unpack(fields)) end
place(s, store, true)
if opened == '1' then keep(s, store) end
emit('created', s, '', store)
return {'OPEN', s.lease_end, s.lease_end - store.now, redis.call('HMGET', session, 'f', 'o', 't', 'c', 'a', 'l', 's')}
