#!lua flags=no-writes
-- Whether a session lives, and which group its jobs have.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- Derives  none
-- Returns  {'GROUP', group or empty} | 'ABSENT' | {'OVER', reason} | {'MOVING', how}
local session = KEYS[1]
local parameters = KEYS[2]
--@use begin
--@use look
local s = look(session, begin(parameters))
if not s then return 'ABSENT' end
if s.in_transit then return {'MOVING', s.moving} end
if s.over then return {'OVER', s.over} end
return {'GROUP', s.jobs or ''}
