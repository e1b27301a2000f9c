#!lua
-- Submit jobs for a session that was seen alive in another bucket just now.
--
-- KEYS[1] group       {P:B}jg:GROUP  hash
-- KEYS[2] parameters  {P:B}p         hash
-- ARGV[1] sid        of the session
-- ARGV[2] owner      of the session
-- ARGV[3] jobs       their ids, one behind the other, at most 100; empty: only the group is asked for
-- ARGV[4...] fields  what each is given; then the fields that all have, names and values in turn
-- Derives  {P:B}j:JID, {P:B}jb:JID, {P:B}jg:GROUP, {P:B}js:GROUP, {P:B}je:GROUP, {P:B}ju:GROUP, {P:B}jo:OWNER,
--          {P:B}jx
-- Returns  as submit
local group = KEYS[1]
local parameters = KEYS[2]
local sid = ARGV[1]
local owner = ARGV[2]
local jobs = ARGV[3]
--@use begin
--@use add_jobs

local store = begin(parameters)
local why = redis.call('HGET', group, 'e')
if why then return {'OVER', why} end
return add_jobs(string.sub(group, #store.tag + 4), sid, owner, '1', jobs, ARGV, 4, store)
