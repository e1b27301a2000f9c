#!lua flags=no-writes
-- Read the last jobs of a group that are over.
--
-- KEYS[1] ended       {P:B}jf:GROUP  list
-- KEYS[2] parameters  {P:B}p         hash
-- ARGV[1] user  the acting user, if not privileged; empty: anybody's jobs are visible
-- Derives  {P:B}j:JID, {P:B}jg:GROUP
-- Returns  {0, {job, SID of its session now, its owner, fields and values in turn}, ...}
local ended = KEYS[1]
local parameters = KEYS[2]
local user = ARGV[1]
--@use begin
--@use row_of
local store = begin(parameters)
local reply = {'0'}
for _, id in ipairs(redis.call('LRANGE', ended, -256, -1)) do reply[#reply + 1] = row_of(id, user, store) end
return reply
