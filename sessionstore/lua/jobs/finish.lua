#!lua flags=allow-oom
-- End a start of a job: with what it returned, or why it failed; or put it in line again.
--
-- KEYS[1] job         {P:B}j:JID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] token      of the start
-- ARGV[2] outcome    done, failed or cancelled; again: it is to be tried again; back: it was not tried
-- ARGV[3] body       what it returned, or the errors
-- ARGV[4] why        in words; empty: it is done
-- ARGV[5] delay_ms   before it is tried again
-- ARGV[6] number     of the report that goes with it
-- ARGV[7] fields     as in report
-- ARGV[8...] events  as in report
-- Derives  {P:B}jg:GROUP, {P:B}js:GROUP, {P:B}je:GROUP, {P:B}ju:GROUP, {P:B}jo:OWNER, {P:B}jw:JID, {P:B}jx, {P:B}jd,
--          {P:B}g:TICKET, {P:B}jb:JID
-- Returns  'FINISHED' | {'OVER', state, why} | 'LOST'
local job = KEYS[1]
local parameters = KEYS[2]
local token = ARGV[1]
local outcome = ARGV[2]
local body = ARGV[3]
local why = ARGV[4]
local delay_ms = tonumber(ARGV[5])
local number = tonumber(ARGV[6])
local fields = tonumber(ARGV[7])
--@use begin
--@use read_job
--@use check_token
--@use tell
--@use close_job

local store = begin(parameters)
local j = read_job(string.sub(job, #store.tag + 3), store)
if j and j.finished == token then return 'FINISHED' end
local refusal = check_token(j, token, store)
if refusal then return refusal end
tell(j, number, fields, ARGV, 8, store)
redis.call('HSET', job, 'T', token)
redis.call('HDEL', job, 'l')
if outcome ~= 'again' and outcome ~= 'back' then
  close_job(j, outcome, body, why, store)
elseif j.cancel then
  close_job(j, 'cancelled', '', string.sub(j.cancel, 14), store)
else
  --@use requeue_job
  if outcome == 'back' then redis.call('HINCRBY', job, 'a', -1) end
  requeue_job(j, delay_ms, why, store)
end
return 'FINISHED'
