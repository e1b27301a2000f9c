#!lua flags=allow-oom
-- Look at the jobs of a bucket that are due for it: leases that are over, waits that are too long, cancels that were
-- not followed, sessions that have ended; and name those that wait, for their queues may have forgotten them.
--
-- KEYS[1] index       {P:B}jx  zset
-- KEYS[2] parameters  {P:B}p   hash
-- ARGV[1] page  how many to look at, at most 100
-- Derives  {P:B}j:JID, {P:B}jg:GROUP, {P:B}js:GROUP, {P:B}je:GROUP, {P:B}ju:GROUP, {P:B}jo:OWNER, {P:B}jw:JID,
--          {P:B}jd, {P:B}jc, {P:B}s:SID, {P:B}g:TICKET
-- Returns  {more, {job, queue, owner, head start, delay_ms, front, ...}, {group, sid, ...}}: those that wait, and the
--          groups whose session is in another bucket
local index = KEYS[1]
local parameters = KEYS[2]
local page = tonumber(ARGV[1])
--@use begin
--@use read_job
--@use find_group
--@use end_group
--@use close_job
--@use lose_job

local store = begin(parameters)
local due = redis.call('ZRANGE', index, '-inf', store.now, 'BYSCORE', 'LIMIT', 0, page)
local waiting, away, seen = {}, {}, {}
for _, id in ipairs(due) do
  local j = read_job(id, store)
  local why = not j and redis.call('HGET', store.tag .. 'jg:' .. id, 'e')
  if why then
    end_group(id, why, store)
  elseif not j or not j.live then
    redis.call('ZREM', index, id)
  else
    if not j.silent and not seen[j.group] then
      local how, what = find_group(j.group, store)
      seen[j.group] = how
      if how == 'ended' then
        end_group(j.group, what, store)
      elseif how == 'away' then
        away[#away + 1], away[#away + 2] = j.group, what
      end
      j = read_job(id, store)
    end
    local cancel_end = j.cancel and tonumber(string.sub(j.cancel, 1, 13))
    local front = 0
    if j.state == 'running' and cancel_end and cancel_end <= store.now then
      close_job(j, 'cancelled', '', string.sub(j.cancel, 14), store)
    elseif j.state == 'running' and j.lease_end <= store.now then
      lose_job(j, store)
      front = 1
    elseif j.state == 'queued' and j.max_wait and j.attempts == 0 and store.now - j.created > j.max_wait then
      close_job(j, 'failed', '', 'it waited for too long', store)
    end
    if j.state == 'queued' then
      for _, what in ipairs({j.id, j.queue, j.owner, j.head_start, math.max(0, j.due - store.now), front}) do
        waiting[#waiting + 1] = what
      end
      redis.call('ZADD', index, math.max(j.due, store.now) + (seen[j.group] == 'away' and 5000 or 60000), id)
    elseif j.live then
      redis.call('ZADD', index, math.min(j.lease_end, cancel_end or math.huge), id)
    end
    if j.live then
      local group = j.group
      local names = {'j:' .. id, 'jb:' .. id, 'jg:' .. group, 'js:' .. group, 'ju:' .. group, 'jo:' .. j.owner}
      for _, key in ipairs(names) do
        redis.call('PEXPIRE', store.tag .. key, 604800000, 'GT')
      end
    end
  end
end
return {#due == page and 1 or 0, waiting, away}
