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
-- ARGV[7] seat        ticket of its seat in the pool of its kind, and what the demand for it said; empty: it has none
-- ARGV[8] had         1: the owner has it already, under another id
-- ARGV[9] origin      stays with it wherever it goes
-- ARGV[10] jobs       the group of its jobs; empty: it has had none
-- ARGV[11...] attributes  names and values in turn
-- Derives  {P:B}x, {P:B}o:OWNER, {P:B}e:OWNER, {P:B}ev, {P:B}q, {P:B}w:SID, {P:B}g:TICKET, {P:B}m:TICKET,
--          {P:B}v:ID, {P:B}r:ID
-- Returns  'ARRIVED' | 'DENIED' | 'EXISTS' | {'LIMIT', n} | {'CROWDED', n, evict}
--          | {'SEAT', pool, evict, demand} | {'TOOBIG', size, limit} | {'MOVING', how} | 'UNSTAGED'; see create
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
local had = ARGV[8]
local origin = ARGV[9]
local jobs = ARGV[10]
--@use begin
--@use look
--@use clear_for_create
--@use write_new

local store = begin(parameters)
local decided = redis.call('GET', decision)
if decided then return string.upper(decided) end
local before = look(session, store)
local owned = store.tag .. 'o:' .. owner
local counted = owner ~= '' and redis.call('ZSCORE', owned, source)
local sid = string.sub(session, #store.tag + 3)
local refusal = clear_for_create(before, owner, counted, seat, ARGV, 11, store)
if refusal then return refusal end

local s = {
  session = session, sid = sid, owner = owner, timeout = timeout_ms,
  created = created, ends = ends,
}
write_new(s, before, '', '< ' .. ticket .. ' ' .. source, seat, ARGV, 11, store)
redis.call('HSET', session, 'r', origin)
if jobs ~= '' then redis.call('HSET', session, 'j', jobs) end
-- It is due, so that whoever counts takes a look at it. The half says that nobody has seen it here: see end_missing.
redis.call('ZADD', store.tag .. 'x', store.now - 0.5, s.sid)
if counted then redis.call('ZREM', owned, s.sid) -- until its old home is retired, that has its place
elseif owner ~= '' then redis.call('ZADD', owned, store.now, s.sid) end

-- Is somebody ending all sessions of the owner? This one belongs to them. It ends as soon as it can be seen.
if had == '1' then
  --@use ending_of
  local call, why = ending_of(owner, source, sid, store)
  if call then redis.call('HSETNX', session, 'd', call .. ' ' .. why) end
end
redis.call('SET', decision, 'arrived', 'PX', 86400000)
return 'ARRIVED'
