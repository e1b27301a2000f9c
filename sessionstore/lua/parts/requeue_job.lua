-- Put a job in line again, in some ms, whatever became of the worker that had it. Its token is nobody's any more. The
-- queue is told by the caller; should that fail, the sweep tells it.
--@use post
local function requeue_job(job, delay_ms, why, store)
  local key = store.tag .. 'j:' .. job.id
  job.state, job.due, job.token = 'queued', store.now + delay_ms, string.match(job.token, '^%d+')
  redis.call('HSET', key, 's', 'queued', 'd', job.due, 't', job.token, 'x', job.lost)
  redis.call('HDEL', key, 'l')
  redis.call('ZADD', store.tag .. 'jx', job.due + 5000, job.id)
  if not job.silent then post(job.group, job.id, 'queued', '', why, store) end
end
