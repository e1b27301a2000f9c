#!lua
-- Do a job again that has failed, was lost or cancelled, for its session, which must live.
--
-- KEYS[1] job         {P:B}j:JID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] user   the acting user, if not privileged; empty: anybody's jobs are visible
-- ARGV[2] alive  1: the session, which is in another bucket, was seen alive
-- Derives  {P:B}jg:GROUP, {P:B}js:GROUP, {P:B}je:GROUP, {P:B}jo:OWNER, {P:B}jx, {P:B}jd, {P:B}s:SID
-- Returns  {'QUEUED', queue, owner, head start, delay_ms} | {'OVER', why the session ended}
--          | {'STATE', state}: it cannot be | {'AWAY', sid, group} | 'ABSENT'
local job = KEYS[1]
local parameters = KEYS[2]
local user = ARGV[1]
local alive = ARGV[2]
--@use begin
--@use read_job
--@use may_see
--@use find_group
--@use post
local store = begin(parameters)
local j = read_job(string.sub(job, #store.tag + 3), store)
if not j or not may_see(j.group, user, store) then return 'ABSENT' end
if j.state == 'queued' then return {'QUEUED', j.queue, j.owner, j.head_start, math.max(0, j.due - store.now)} end
if j.state == 'running' or j.state == 'done' then return {'STATE', j.state} end
local how, what = find_group(j.group, store)
if how == 'ended' then return {'OVER', what} end
if how == 'away' and alive ~= '1' then return {'AWAY', what, j.group} end
-- If it was ended while a worker had it, that may go on until the end of its lease, which stays known.
local due = math.max(store.now, j.lease_end or 0)
redis.call('HSET', job, 's', 'queued', 'd', due, 'c', store.now)
redis.call('HDEL', job, 'a', 'x', 'f', 'z', 'Z', 'T', 'i', 'j', 'O', 'S', 'k')
redis.call('PEXPIRE', job, 604800000)
if j.files then redis.call('PEXPIRE', store.tag .. 'jb:' .. j.id, 604800000) end
redis.call('ZREM', store.tag .. 'jd', j.id)
redis.call('LREM', store.tag .. 'jf:' .. j.group, 0, j.id)
for _, key in ipairs({'js:' .. j.group, 'jo:' .. j.owner}) do
  redis.call('ZADD', store.tag .. key, store.now, j.id)
  redis.call('PEXPIRE', store.tag .. key, 604800000)
end
redis.call('ZADD', store.tag .. 'jx', due + 5000, j.id)
post(j.group, j.id, 'queued', '', 'retried', store)
return {'QUEUED', j.queue, j.owner, j.head_start, due - store.now}
