#!lua
-- Make the new home of a session that moves; nobody sees it there until the old one is retired.
--
-- KEYS[1] session     {P:B}s:SID     hash
-- KEYS[2] parameters  {P:B}p         hash
-- KEYS[3] decision    {P:B}m:TICKET  string
-- ARGV[1] ticket      names the move
-- ARGV[2] source      the SID it comes from
-- ARGV[3] owner       a user id, * for public, empty for anonymous
-- ARGV[4] timeout_ms  its idle time
-- ARGV[5] created     when it was made
-- ARGV[6] ends        its absolute end; empty: none
-- ARGV[7] seat        ticket of its seat in the pool of its kind; empty: none was taken
-- ARGV[8...] attributes  names and values in turn
-- Derives  {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}q, {P:B}w:SID, {P:B}g:TICKET
-- Returns  {'ARRIVED'} | {'DENIED'} | {'EXISTS'} | {'LIMIT', n} | {'SEAT', pool, evict}
--          | {'TOOBIG', size, limit} | {'MOVING', how}
local session = KEYS[1]
local parameters = KEYS[2]
local decision = KEYS[3]
local ticket = ARGV[1]
local source = ARGV[2]
local owner = ARGV[3]
local timeout_ms = tonumber(ARGV[4])
local created = tonumber(ARGV[5])
local ends = tonumber(ARGV[6])
local seat = ARGV[7]
--@use begin
--@use look
--@use place
--@use emit
--@use lapse
--@use finish
--@use make_room
--@use changed
--@use write

local store = begin(parameters)
local decided = redis.call('GET', decision)
if decided then return {string.upper(decided)} end
local before = look(session, store)
if before and before.moving and not before.held and not before.ended then return {'MOVING', before.moving} end
if before and not before.over then return {'EXISTS'} end

if before and not before.ended then
  if before.lapsed then lapse(before, store) end
  finish(before, store)
end
local size = 0
for i = 8, #ARGV do size = size + #ARGV[i] end
if store.max_bytes and size > store.max_bytes then return {'TOOBIG', size, store.max_bytes} end
if not make_room(owner, store) then return {'LIMIT', store.max_per_owner} end
local pool = owner == '*' and 'public' or 'private'
if seat == '' and store['seats_' .. pool] then return {'SEAT', pool, store.at_limit == 'evict' and 1 or 0} end

local s = {session = session, sid = string.sub(session, #store.tag + 3), owner = owner, activity = store.now,
  timeout = timeout_ms, ends = ends, stored_activity = store.now, size = 0}
if store.max_timeout and s.timeout > store.max_timeout then s.timeout = store.max_timeout end
redis.call('DEL', session)
redis.call('HSET', session, 'f', string.format('%.0f', before and math.max(before.fence + 1, store.us) or store.us),
  't', s.timeout, 'c', created, 'a', store.now, 'h', '', 'm', '< ' .. ticket .. ' ' .. source)
if owner ~= '' then redis.call('HSET', session, 'o', owner) end
if seat ~= '' then redis.call('HSET', session, 's', seat) end
if ends then redis.call('HSET', session, 'l', ends) end
if before then redis.call('HSET', session, 'y', string.format('%.0f', before.fence)) end
local fields = changed(s, ARGV, 8, (#ARGV - 7) / 2, store)
fields = write(session, fields, ARGV, #ARGV + 1)
if #fields > 0 then redis.call('HSET', session, unpack(fields)) end
place(s, store, true)
redis.call('ZADD', store.tag .. 'x', store.now, s.sid) -- due, so that whoever counts takes a look at it
if owner ~= '' then redis.call('ZADD', store.tag .. 'o:' .. owner, store.now, s.sid) end
redis.call('SET', decision, 'arrived', 'PX', 86400000)
return {'ARRIVED'}
