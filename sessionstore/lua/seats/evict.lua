#!lua flags=allow-oom
-- End a session to make room for another, unless somebody holds it or it was active since the caller looked.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] activity  its last activity when the caller looked
-- Derives  {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}q, {P:B}w:SID, {P:B}g:TICKET, {P:B}v:ID
-- Returns  'EVICTED' | 'ACTIVE'
local session = KEYS[1]
local parameters = KEYS[2]
local activity = tonumber(ARGV[1])
--@use evict_if_idle
--@use begin

return evict_if_idle(session, activity, begin(parameters)) and 'EVICTED' or 'ACTIVE'
