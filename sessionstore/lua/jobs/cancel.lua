#!lua flags=allow-oom
-- Cancel a job: now, if nobody runs it; else its worker is told, and has the time of its grace.
--
-- KEYS[1] job         {P:B}j:JID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] user      the acting user, if not privileged; empty: anybody's jobs are visible
-- ARGV[2] why       in words
-- ARGV[3] grace_ms  after it the job is over in any case; empty: as it was submitted
-- Derives  {P:B}jg:GROUP, {P:B}js:GROUP, {P:B}je:GROUP, {P:B}ju:GROUP, {P:B}jo:OWNER, {P:B}jw:JID, {P:B}jx, {P:B}jd,
--          {P:B}jc, {P:B}g:TICKET
-- Returns  {'CANCELLED', state} | 'ABSENT'; the state is what it is after this: it may have been over before
local job = KEYS[1]
local parameters = KEYS[2]
local user = ARGV[1]
local why = ARGV[2]
local grace_ms = tonumber(ARGV[3])
--@use begin
--@use read_job
--@use may_see
--@use close_job
--@use stop_job

local store = begin(parameters)
local j = read_job(string.sub(job, #store.tag + 3), store)
if not j or not may_see(j.group, user, store) then return 'ABSENT' end
if j.state == 'queued' then close_job(j, 'cancelled', '', why, store)
elseif j.state == 'running' then stop_job(j, grace_ms or j.grace, why, store) end
return {'CANCELLED', j.state}
