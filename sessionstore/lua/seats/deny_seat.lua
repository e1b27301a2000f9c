#!lua flags=allow-oom
-- Deny a seat that is not in use: who comes with it later, to create or to arrive, has to take another.
--
-- KEYS[1] session     {P:B}s:SID     hash
-- KEYS[2] parameters  {P:B}p         hash
-- KEYS[3] decision    {P:B}m:TICKET  string
-- ARGV[1] ticket  of the seat
-- Derives  {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}q, {P:B}w:SID, {P:B}g:TICKET, {P:B}v:ID
-- Returns  {'USED', last activity} | 'FREE': it can be given to others
local session = KEYS[1]
local parameters = KEYS[2]
local decision = KEYS[3]
local ticket = ARGV[1]
--@use begin
--@use look
--@use note_lapse
--@use end_session

local store = begin(parameters)
local s = look(session, store)
if s and s.seat == ticket and not s.ended then
  -- A session that moves keeps its seat until the move is complete.
  if s.moving or not s.over then return {'USED', s.held and store.now or s.activity} end
  -- It ends for good. Else it could come back without a seat, if the clock is put back.
  if s.lapsed then note_lapse(s, store) end
  end_session(s, store)
else
  redis.call('SET', decision, 'denied', 'PX', 3600000) -- longer than clear_for_create accepts a seat
end
return 'FREE'
