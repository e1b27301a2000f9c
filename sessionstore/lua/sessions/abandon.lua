#!lua flags=allow-oom
-- Undo an opening whose caller has gone: leave the line, or give back what was granted.
--
-- KEYS[1] session     {P:B}s:SID     hash
-- KEYS[2] waiters     {P:B}w:SID     list
-- KEYS[3] wake        {P:B}g:TICKET  list
-- KEYS[4] parameters  {P:B}p         hash
-- ARGV[1] ticket  of the opening
-- Derives  {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}q, {P:B}g:TICKET, {P:B}v:ID
-- Returns  'ABANDONED'
local session = KEYS[1]
local waiters = KEYS[2]
local wake = KEYS[3]
local parameters = KEYS[4]
local ticket = ARGV[1]
--@use begin
--@use leave_line
--@use look
--@use end_session
--@use hand_over
--@use index_session

local store = begin(parameters)
redis.call('DEL', wake)
leave_line(waiters, ticket)
local s = look(session, store)
if not s or s.ended or s.ticket ~= ticket or not s.held then return 'ABANDONED' end

if s.pending then
  s.deleter, s.over = string.match(s.pending, '^(%S+) (.*)$')
  end_session(s, store)
else
  hand_over(s, waiters, store, {})
  -- It was never opened, so it ends as if nothing had been: earlier than who has looked meanwhile has written down.
  if not s.held then index_session(s, store, true) end
end
return 'ABANDONED'
