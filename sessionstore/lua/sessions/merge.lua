#!lua
-- Save the changes of a writer that holds nothing, if nobody changed the same attributes since it read them.
--
-- KEYS[1] session     {P:B}s:SID     hash
-- KEYS[2] waiters     {P:B}w:SID     list
-- KEYS[3] parameters  {P:B}p         hash
-- KEYS[4] receipt     {P:B}r:TICKET  string
-- ARGV[1] which       when the session that was read was made, and its origin: another of the same name is not it
-- ARGV[2] while_held  any: also while somebody holds it, who does not learn of it; a fence: while that one does
-- ARGV[3] count       how many attributes changed
-- ARGV[4...] changes  names and new values in turn, then removed names; then for each of these in turn the value
--                     that was read: empty if there was none, the byte 193 if it was not read and any will do
-- Derives  {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}q, {P:B}g:TICKET, {P:B}v:ID, {P:B}r:ID
-- Returns  'SAVED' | 'ABSENT' | {'OVER', reason} | {'CONFLICT', name, ...} | {'HELD', holder, lease_end, waiting}
--          | {'TOOBIG', size, limit} | {'LIMIT', n, 'kept'} | 'UNSTAGED' | {'MOVING', how}
local session = KEYS[1]
local waiters = KEYS[2]
local parameters = KEYS[3]
local receipt = KEYS[4]
local which = ARGV[1]
local while_held = ARGV[2]
local count = tonumber(ARGV[3])
--@use begin
--@use look
--@use catch_up
--@use is_same
--@use walk_line
--@use drop_expired
--@use end_of
--@use check_changes
--@use write_fields
--@use index_session

local store = begin(parameters)
-- It is sent again after a lost reply: it is done.
if redis.call('EXISTS', receipt) == 1 then return 'SAVED' end
local s = look(session, store)
if not s or s.silent then return 'ABSENT' end
if s.in_transit then return {'MOVING', s.moving} end
catch_up(s, waiters, store)
if s.over then return {'OVER', s.over} end
if not is_same(s, which) then return {'OVER', 'deleted'} end
if s.held and (while_held ~= 'any' and tonumber(while_held) ~= s.fence or s.moving) then
  return {'HELD', s.label, s.lease_end, (walk_line(waiters, '', store))}
end

drop_expired(s, store)
-- Pairs take two places and removed names one: n changes and r removals are followed by n + r values that were read.
local removed = (#ARGV - 3 - 3 * count) / 2
local changes, conflicts = {}, {'CONFLICT'}
for i = 1, 2 * count + removed do changes[i] = ARGV[3 + i] end
for i = 1, count + removed do
  local at = i <= count and 2 * i - 1 or count + i
  local stored, seen = redis.call('HGET', session, changes[at]) or '', ARGV[3 + #changes + i]
  local ends = end_of(changes[at], seen)
  if ends and ends <= store.now then seen = '' end -- it has ended since, and was dropped above
  if stored ~= seen and seen ~= '\193' then conflicts[#conflicts + 1] = changes[at] end
end
if #conflicts > 1 then return conflicts end

local fields, refusal = check_changes(s, changes, 1, count, store)
if not fields then return refusal end
fields = write_fields(s, fields, changes, 1 + 2 * count, store)
if s.held then
  if #fields > 0 then redis.call('HSET', session, unpack(fields)) end
else
  s.activity = store.now
  redis.call('HSET', session, 'a', s.activity, 't', s.timeout, unpack(fields))
  index_session(s, store)
end
redis.call('SET', receipt, '', 'PX', 60000)
return 'SAVED'
