#!lua flags=no-writes
-- Read a job, and whose it is now.
--
-- KEYS[1] job         {P:B}j:JID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] user  the acting user, if not privileged; empty: anybody's jobs are visible
-- Derives  {P:B}jg:GROUP
-- Returns  {'JOB', now, fields and values in turn, SID of its session, its owner} | 'ABSENT'
local job = KEYS[1]
local parameters = KEYS[2]
local user = ARGV[1]
--@use begin
--@use may_see
local store = begin(parameters)
local group = redis.call('HGET', job, 'g')
if not group or not may_see(group, user, store) then return 'ABSENT' end
local of = redis.call('HMGET', store.tag .. 'jg:' .. group, 's', 'o')
return {'JOB', store.now, redis.call('HGETALL', job), of[1] or '', of[2] or ''}
