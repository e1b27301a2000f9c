#!lua
-- Wait for the end of a job: whoever ends it pushes something for this ticket.
--
-- KEYS[1] job         {P:B}j:JID   hash
-- KEYS[2] waiters     {P:B}jw:JID  list
-- KEYS[3] parameters  {P:B}p       hash
-- ARGV[1] user    the acting user, if not privileged; empty: anybody's jobs are visible
-- ARGV[2] ticket  of the wait
-- Derives  {P:B}jg:GROUP
-- Returns  {'JOB', now, fields and values in turn}: it is over | {'LIVE', now} | 'ABSENT'
local job = KEYS[1]
local waiters = KEYS[2]
local parameters = KEYS[3]
local user = ARGV[1]
local ticket = ARGV[2]
--@use begin
--@use may_see
local store = begin(parameters)
local found = redis.call('HMGET', job, 's', 'g')
if not found[1] or not may_see(found[2], user, store) then return 'ABSENT' end
if found[1] ~= 'queued' and found[1] ~= 'running' then return {'JOB', store.now, redis.call('HGETALL', job)} end
redis.call('LREM', waiters, 1, ticket)
redis.call('RPUSH', waiters, ticket)
redis.call('LTRIM', waiters, -500, -1)
redis.call('PEXPIRE', waiters, 60000)
return {'LIVE', store.now}
