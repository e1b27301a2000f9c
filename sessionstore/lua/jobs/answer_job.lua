#!lua
-- Answer a question that a running job asks. The first answer counts.
--
-- KEYS[1] job         {P:B}j:JID     hash
-- KEYS[2] wake        {P:B}g:TICKET  list
-- KEYS[3] parameters  {P:B}p         hash
-- ARGV[1] user      the acting user, if not privileged; empty: anybody's jobs are visible
-- ARGV[2] question  its id
-- ARGV[3] body      the answer
-- Derives  {P:B}jg:GROUP
-- Returns  'ANSWERED' | 'LATE' | 'ABSENT'
local job = KEYS[1]
local wake = KEYS[2]
local parameters = KEYS[3]
local user = ARGV[1]
local question = ARGV[2]
local body = ARGV[3]
--@use begin
--@use may_see
local store = begin(parameters)
local found = redis.call('HMGET', job, 's', 'g', '?' .. question)
if not found[1] or not may_see(found[2], user, store) then return 'ABSENT' end
if found[3] == body then return 'ANSWERED' end
if found[1] ~= 'running' or found[3] ~= '' then return 'LATE' end
redis.call('HSET', job, '?' .. question, body)
redis.call('RPUSH', wake, 'answered')
redis.call('PEXPIRE', wake, 10000)
return 'ANSWERED'
