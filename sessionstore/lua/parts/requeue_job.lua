-- Put a job in line again, in some ms, whatever became of the worker that had it. Its token is nobody's any more. The
-- queue is told by the caller; should that fail, the sweep tells it.
--@use post
local function requeue_job(job, delay_ms, why, store)
  local key = store.tag .. 'j:' .. job.id
  job.state, job.due, job.token = 'queued', store.now + delay_ms, string.match(job.token, '^%d+')
  redis.call('HSET', key, 's', 'queued', 'd', job.due, 't', job.token)
  redis.call('HDEL', key, 'l')
  redis.call('ZADD', store.tag .. 'jx', job.due + 5000, job.id)
  if delay_ms > 3600000 then -- nobody looks at it until then, so that it has to outlast it
    local group = job.group
    for _, name in ipairs({'j:' .. job.id, 'jb:' .. job.id, 'jg:' .. group, 'js:' .. group, 'ju:' .. group,
      'jo:' .. job.owner}) do
      redis.call('PEXPIRE', store.tag .. name, delay_ms + 604800000, 'GT')
    end
  end
  if not job.silent then post(job.group, job.id, 'queued', '', why, store) end
end
