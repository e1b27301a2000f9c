#!lua flags=no-writes
-- Read a page of the jobs that an index of a bucket names.
--
-- KEYS[1] index       {P:B}jx or {P:B}jd or {P:B}js:GROUP  zset
-- KEYS[2] parameters  {P:B}p                               hash
-- ARGV[1] user    the acting user, if not privileged; empty: anybody's jobs are visible
-- ARGV[2] cursor  as the last page gave it; 0 at first
-- Derives  {P:B}j:JID, {P:B}jg:GROUP
-- Returns  {cursor, {job, SID of its session now, its owner, fields and values in turn}, ...}
local index = KEYS[1]
local parameters = KEYS[2]
local user = ARGV[1]
local cursor = ARGV[2]
--@use begin
--@use row_of
local store = begin(parameters)
local page = redis.call('ZSCAN', index, cursor, 'COUNT', 50)
local reply = {page[1]}
for i = 1, #page[2], 2 do reply[#reply + 1] = row_of(page[2][i], user, store) end
return reply
