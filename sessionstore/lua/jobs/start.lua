#!lua
-- Start a job that a worker has taken from its queue, if it is still to be done.
--
-- KEYS[1] job         {P:B}j:JID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] worker    who runs it
-- ARGV[2] ticket    names this start: repeated, it gets the same answer
-- ARGV[3] lease_ms  how long it is the worker's, unless it renews
-- ARGV[4] alive     1: the session, which is in another bucket, was seen alive
-- Derives  {P:B}jg:GROUP, {P:B}js:GROUP, {P:B}je:GROUP, {P:B}ju:GROUP, {P:B}jo:OWNER, {P:B}jw:JID, {P:B}jx, {P:B}jd,
--          {P:B}s:SID, {P:B}g:TICKET
-- Returns  {'STARTED', token, sid, fields and values in turn} | 'ABSENT' | 'OVER' | {'RUNNING', ms} | {'LATER', ms}
--          | {'AWAY', sid, group}: look whether it lives
local job = KEYS[1]
local parameters = KEYS[2]
local worker = ARGV[1]
local ticket = ARGV[2]
local lease_ms = tonumber(ARGV[3])
local alive = ARGV[4]
--@use begin
--@use read_job
--@use find_group
--@use post

local store = begin(parameters)
local j = read_job(string.sub(job, #store.tag + 3), store)
if not j then return 'ABSENT' end
local function started(token)
  return {'STARTED', token, redis.call('HGET', store.tag .. 'jg:' .. j.group, 's') or '', redis.call('HGETALL', job)}
end
if not j.live then return 'OVER' end
if j.state == 'running' then
  if string.match(j.token, ' (.*)$') == ticket then
    -- Its lease is counted from when it asked for the last time.
    redis.call('HSET', job, 'l', store.now + lease_ms)
    redis.call('ZADD', store.tag .. 'jx', store.now + lease_ms, j.id)
    return started(j.token)
  end
  if j.lease_end > store.now then return {'RUNNING', j.lease_end - store.now} end
  --@use lose_job
  lose_job(j, store)
  if not j.live then return 'OVER' end
end
if j.due > store.now then return {'LATER', j.due - store.now} end
if not j.silent then
  local how, what = find_group(j.group, store)
  if how == 'ended' then
    --@use end_group
    end_group(j.group, what, store)
    if redis.call('HGET', job, 's') ~= 'queued' then return 'OVER' end
  elseif how == 'away' and alive ~= '1' then
    return {'AWAY', what, j.group}
  end
end
if j.max_wait and j.attempts == 0 and store.now - j.created > j.max_wait then
  --@use close_job
  close_job(j, 'failed', '', 'it waited for too long', store)
  return 'OVER'
end

local token = string.format('%d %s', math.max(tonumber(string.match(j.token, '^%d+')) + 1, store.us), ticket)
local lease_end = store.now + lease_ms
redis.call('HSET', job, 's', 'running', 't', token, 'w', worker, 'l', lease_end, 'b', store.now, 'a', j.attempts + 1)
redis.call('HDEL', job, 'N')
redis.call('PEXPIRE', job, 604800000)
if j.files then redis.call('PEXPIRE', store.tag .. 'jb:' .. j.id, 604800000) end
redis.call('PEXPIRE', store.tag .. 'jg:' .. j.group, 604800000)
redis.call('ZADD', store.tag .. 'jx', lease_end, j.id)
if not j.silent and redis.call('HGET', job, 'S') ~= '1' then post(j.group, j.id, 'running', '', '', store) end
return started(token)
