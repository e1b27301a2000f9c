-- End one job because its session has ended, as the job was submitted: `r` has a letter for a logout and one for a
-- timeout. Whatever else ends a session ends its jobs at once.
--@use close_job
--@use stop_job
local function end_job(job, why, store)
  local place = why == 'deleted' and 1 or why == 'timed out' and 2
  local policy = place and string.sub(job.policy, place, place) or 'now'
  if policy == 'f' or policy == 'o' then
    redis.call('HSET', store.tag .. 'j:' .. job.id, 'S', 1, unpack(policy == 'o' and {'O', 1} or {}))
    redis.call('ZREM', store.tag .. 'js:' .. job.group, job.id)
    job.silent = '1'
  elseif job.state == 'queued' or policy == 'now' then
    close_job(job, 'cancelled', '', 'session ended: ' .. why, store)
    if policy == 'now' then redis.call('SPUBLISH', store.tag .. 'jc', job.id) end
  elseif not job.cancel then
    stop_job(job, job.grace, 'session ended: ' .. why, store)
  end
end
