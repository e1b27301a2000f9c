#!lua
-- Save what changed and stay the holder.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] waiters     {P:B}w:SID  list
-- KEYS[3] parameters  {P:B}p      hash
-- ARGV[1] fence       of the opening that saves
-- ARGV[2] sequence    1, 2, 3 ... within the opening: one that comes late is not applied again
-- ARGV[3] moving      where the session is about to go: > TICKET SID; empty: it stays
-- ARGV[4] count       how many attributes changed
-- ARGV[5...] changes  names and values in turn, then the names of removed attributes
-- Derives  {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}q, {P:B}g:TICKET, {P:B}v:ID, {P:B}r:ID
-- Returns  {'SAVED', facts and attributes if moving} | 'PENDING': it does not move, it ends
--          | {'OVER', reason} | 'LOST' | {'TOOBIG', size, limit} | {'LIMIT', n, 'kept'} | 'UNSTAGED'
local session = KEYS[1]
local waiters = KEYS[2]
local parameters = KEYS[3]
local fence = ARGV[1]
local sequence = tonumber(ARGV[2])
local moving = ARGV[3]
local count = tonumber(ARGV[4])
--@use begin
--@use look
--@use drop_expired
--@use check_changes
--@use write_fields

local store = begin(parameters)
local s = look(session, store)
if not s then return {'OVER', 'timed out'} end
-- It is sent again after a lost reply, perhaps too late to be the holder still: it is done.
local last_fence, last = string.match(redis.call('HGET', session, 'n') or '', '^(%d+) (%d+)$')
local saved = last_fence == fence and tonumber(last) >= sequence
if saved and moving == '' then return 'SAVED' end
if s.over and (s.ended or s.fence == tonumber(fence) and not s.lapsed) then
  --@use catch_up
  catch_up(s, waiters, store)
  return {'OVER', s.over}
end
if s.fence ~= tonumber(fence) or not s.held then return 'LOST' end
-- Once it may have departed, the end that was asked for goes along (see retire).
if moving ~= '' and s.pending and not saved then return 'PENDING' end

if not saved then
  drop_expired(s, store)
  local fields, refusal = check_changes(s, ARGV, 5, count, store)
  if not fields then return refusal end
  fields = write_fields(s, fields, ARGV, 5 + 2 * count, store)
  redis.call('HSET', session, 'n', string.format('%s %d', fence, sequence), unpack(fields))
  if moving ~= '' then
    redis.call('HSET', session, 'm', moving)
    -- Once its lease is over, whoever comes by settles the move: that is its place in the indexes.
    redis.call('ZADD', store.tag .. 'x', 'LT', s.lease_end, s.sid)
    if s.owner ~= '' then redis.call('ZADD', store.tag .. 'o:' .. s.owner, 'LT', s.lease_end, s.sid) end
  end
end
if moving ~= '' then return {'SAVED', redis.call('HGETALL', session)} end
return 'SAVED'
