#!lua flags=allow-oom
-- End the jobs of a session that has ended in another bucket.
--
-- KEYS[1] group       {P:B}jg:GROUP  hash
-- KEYS[2] parameters  {P:B}p         hash
-- ARGV[1] why  the session has ended
-- Derives  {P:B}j:JID, {P:B}js:GROUP, {P:B}je:GROUP, {P:B}ju:GROUP, {P:B}jo:OWNER, {P:B}jw:JID, {P:B}jx, {P:B}jd,
--          {P:B}jc, {P:B}g:TICKET
-- Returns  'ENDED'
local group = KEYS[1]
local parameters = KEYS[2]
local why = ARGV[1]
--@use begin
--@use end_group
end_group(string.sub(group, #string.sub(parameters, 1, -2) + 4), why, begin(parameters))
return 'ENDED'
