#!lua
-- Do a job again that has failed, was lost or cancelled, for its session, which must live, within the limits. It has
-- its key again.
--
-- KEYS[1] job         {P:B}j:JID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] user   the acting user, if not privileged; empty: anybody's jobs are visible
-- ARGV[2] alive  1: the session, which is in another bucket, was seen alive
-- Derives  {P:B}jg:GROUP, {P:B}js:GROUP, {P:B}je:GROUP, {P:B}ju:GROUP, {P:B}jo:OWNER, {P:B}jx, {P:B}jd, {P:B}s:SID
-- Returns  {'QUEUED', queue, owner, head start, delay_ms} | {'OVER', why the session ended}
--          | {'STATE', state}: it cannot be | {'KEY', job}: that has its key meanwhile
--          | {'LIMIT', n, 'session' or 'owner'} | {'AWAY', sid, group} | 'ABSENT'
local job = KEYS[1]
local parameters = KEYS[2]
local user = ARGV[1]
local alive = ARGV[2]
--@use begin
--@use read_job
--@use may_see
--@use find_group
--@use parameter
--@use post
local store = begin(parameters)
local j = read_job(string.sub(job, #store.tag + 3), store)
if not j or not may_see(j.group, user, store) then return 'ABSENT' end
if j.state == 'queued' then return {'QUEUED', j.queue, j.owner, j.head_start, math.max(0, j.due - store.now)} end
if j.state == 'running' or j.state == 'done' then return {'STATE', j.state} end
local how, what = find_group(j.group, store)
if how == 'ended' then return {'OVER', what} end
if how == 'away' and alive ~= '1' then return {'AWAY', what, j.group} end
local live, owned, keys = store.tag .. 'js:' .. j.group, store.tag .. 'jo:' .. j.owner, store.tag .. 'ju:' .. j.group
local other = j.key and redis.call('HGET', keys, j.key)
if other and redis.call('EXISTS', store.tag .. 'j:' .. other) == 1 then return {'KEY', other} end
local most = parameter(store, 'max_jobs', 'max_jobs_per_owner')
if most and redis.call('ZCARD', live) >= most then return {'LIMIT', most, 'session'} end
most = parameter(store, 'max_jobs_per_owner')
if most and redis.call('ZCARD', owned) >= most then return {'LIMIT', most, 'owner'} end

-- If it was ended while a worker had it, that may go on until the end of its lease, which stays known.
local due = math.max(store.now, j.lease_end or 0)
redis.call('HSET', job, 's', 'queued', 'd', due, 'c', store.now)
redis.call('HDEL', job, 'a', 'x', 'f', 'z', 'Z', 'T', 'i', 'j', 'O', 'S')
redis.call('PEXPIRE', job, 604800000)
if j.files then redis.call('PEXPIRE', store.tag .. 'jb:' .. j.id, 604800000) end
redis.call('ZREM', store.tag .. 'jd', j.id)
redis.call('LREM', store.tag .. 'jf:' .. j.group, 0, j.id)
for _, index in ipairs({live, owned}) do
  redis.call('ZADD', index, store.now, j.id)
  redis.call('PEXPIRE', index, 604800000)
end
if j.key then
  redis.call('HSET', keys, j.key, j.id)
  redis.call('PEXPIRE', keys, 604800000)
end
redis.call('ZADD', store.tag .. 'jx', due + 5000, j.id)
post(j.group, j.id, 'queued', '', 'retried', store)
return {'QUEUED', j.queue, j.owner, j.head_start, due - store.now}
