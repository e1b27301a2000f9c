#!lua flags=no-writes
-- Look whether a seat is in use: its session has its ticket.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- KEYS[3] ended       {P:B}q      set
-- ARGV[1] ticket  of the seat
-- ARGV[2] noted   how the bucket would note that it is to be given back
-- Derives  none
-- Returns  {'USED', last activity, held}; held: 1, and it is active at this moment
--          | {'MOVING', how}: in use, and nobody holds it | 'FREE'
--          | 'ENDED': it was in use, and is to be given back
local session = KEYS[1]
local parameters = KEYS[2]
local ended = KEYS[3]
local ticket = ARGV[1]
local noted = ARGV[2]
--@use begin
--@use look

local store = begin(parameters)
local s = look(session, store)
if s and s.seat == ticket and not s.ended then
  if s.held then return {'USED', store.now, 1} end
  if s.moving then return {'MOVING', s.moving} end
  return {'USED', s.activity, 0}
end
return redis.call('SISMEMBER', ended, noted) == 1 and 'ENDED' or 'FREE'
