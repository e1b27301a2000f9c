#!lua
-- Give an orphan, a job that outlived its session, to another session, with all that it tells from now on.
--
-- KEYS[1] job         {P:B}j:JID     hash
-- KEYS[2] group       {P:B}jg:GROUP  hash
-- KEYS[3] parameters  {P:B}p         hash
-- ARGV[1] user  the acting user, if not privileged; empty: anybody's jobs are visible
-- Derives  {P:B}js:GROUP, {P:B}je:GROUP
-- Returns  'ADOPTED' | {'STATE', state}: it is no orphan | {'OVER', why the session ended} | 'ABSENT'
local job = KEYS[1]
local group = KEYS[2]
local parameters = KEYS[3]
local user = ARGV[1]
--@use begin
--@use read_job
--@use may_see
--@use post
local store = begin(parameters)
local id, target = string.sub(job, #store.tag + 3), string.sub(group, #store.tag + 4)
local j = read_job(id, store)
if not j or not may_see(j.group, user, store) then return 'ABSENT' end
if j.group == target then return 'ADOPTED' end
local why = redis.call('HGET', group, 'e')
if why then return {'OVER', why} end
if redis.call('HGET', job, 'O') ~= '1' then return {'STATE', j.state} end
redis.call('HSET', job, 'g', target)
redis.call('HDEL', job, 'O', 'S', 'k')
if j.live then
  redis.call('ZADD', store.tag .. 'js:' .. target, store.now, id)
  redis.call('PEXPIRE', store.tag .. 'js:' .. target, 604800000)
end
if j.live then post(target, id, j.state, '', 'adopted', store)
else
  redis.call('RPUSH', store.tag .. 'jf:' .. target, id)
  redis.call('PEXPIRE', store.tag .. 'jf:' .. target, 604800000)
  local told = redis.call('HGET', job, 'z') or ''
  post(target, id, j.state == 'done' and 'result' or j.state, told, 'adopted', store)
end
return 'ADOPTED'
