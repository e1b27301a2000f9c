#!lua flags=allow-oom
-- Let a session be seen at its new home, or end it there if it was deleted while it moved: a delete is noted where it
-- comes from, and the end of all that an owner has is noted here, too.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] ticket  names the move
-- ARGV[2] reason  why it ends; empty: it lives
-- ARGV[3] jobs    the group of its jobs, which it may have had since it was about to move; empty: none; `!`: it has
--                 ended where it comes from, and that is told
-- ARGV[4] noted   1: where it has left, that is noted, and was lately when the caller asked
-- ARGV[5] seen    when it was seen here on its way, before the caller asked that; empty: when it arrived
-- Derives  {P:B}l, {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}q, {P:B}w:SID, {P:B}g:TICKET, {P:B}v:ID
-- Returns  {'ADMITTED', facts} | {'OVER', reason}
--          | {'ARRIVING', now}: nothing is done, as what the caller knows of its leaving is old
local session = KEYS[1]
local parameters = KEYS[2]
local ticket = ARGV[1]
local reason = ARGV[2]
local jobs = ARGV[3]
local noted = ARGV[4]
local seen = tonumber(ARGV[5])
--@use begin
--@use look
--@use end_session
--@use index_session
--@use emit
--@use note_move

local store = begin(parameters)
local s = look(session, store)
if not s then return {'OVER', 'timed out'} end
if s.ended then return {'OVER', s.over} end
if string.match(s.moving or '', '^< (%S+)') == ticket then
  -- Both are noted, or neither counts any more: who leaves is looked for elsewhere for 10 s, and found noted for 30 s.
  if noted == '1' then
    if store.now - (seen or s.stored_activity) >= 5000 then return {'ARRIVING', store.now} end
    note_move(s.moving, store)
  end
  redis.call('HDEL', session, 'm')
  s.moving = false
  if jobs ~= '' and jobs ~= '!' then
    redis.call('HSET', session, 'j', jobs)
    s.jobs = jobs
  end
  -- Also if it ends at once: to its readers each end has a beginning. One that has ended where it came from, before it
  -- could leave, was never here.
  s.told = jobs == '!'
  if not s.told then emit('created', s, 'moved', store) end
  if reason ~= '' then s.over = reason end
  if reason ~= '' or s.deleter then
    end_session(s, store)
    return {'OVER', s.over}
  end
  index_session(s, store, true)
end
return {'ADMITTED', redis.call('HMGET', session, 'f', 'o', 't', 'c', 'a', 'l', 's')}
