#!lua flags=allow-oom
-- Look whether a seat is in use: its session has its ticket. One that is not may be denied at this moment: who comes
-- with it later, to create or to arrive, has to take another.
--
-- KEYS[1] session     {P:B}s:SID     hash
-- KEYS[2] parameters  {P:B}p         hash
-- KEYS[3] ended       {P:B}q         set
-- KEYS[4] decision    {P:B}m:TICKET  string
-- ARGV[1] pool    private or public
-- ARGV[2] ticket  of the seat
-- ARGV[3] deny    1: deny it if it is not in use, and end its session if that is over
-- Derives  {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}w:SID, {P:B}g:TICKET, {P:B}v:ID
-- Returns  {'USED', last activity, held}; held: 1, and it is active at this moment
--          | {'ENDED'}: it was in use, and is to be given back | {'FREE'}
local session = KEYS[1]
local parameters = KEYS[2]
local ended = KEYS[3]
local decision = KEYS[4]
local pool = ARGV[1]
local ticket = ARGV[2]
local deny = ARGV[3]
--@use begin
--@use look
--@use kept
--@use emit
--@use lapse
--@use finish

local store = begin(parameters)
local s = look(session, store)
if s and s.seat == ticket and not s.ended then
  -- What is on the move keeps its seat until that is settled.
  if s.moving or not s.over or deny ~= '1' then
    return {'USED', s.held and store.now or s.activity, s.held and 1 or 0}
  end
  -- So that it does not come back without a seat, should the clock be put back.
  if s.lapsed then lapse(s, store) end
  finish(s, store)
end
local seat = pool .. ' ' .. string.sub(session, #store.tag + 3) .. ' ' .. ticket
if redis.call('SISMEMBER', ended, seat) == 1 then return {'ENDED'} end
-- For longer than vacate accepts a seat after it was asked for.
if deny == '1' then redis.call('SET', decision, 'denied', 'PX', 3600000) end
return {'FREE'}
