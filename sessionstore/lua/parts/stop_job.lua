-- Have a running job stop, within its grace: its worker learns of it by this ring, or from its next beat.
local function stop_job(job, grace_ms, why, store)
  local until_ = store.now + grace_ms
  if job.cancel then until_ = math.min(until_, tonumber(string.sub(job.cancel, 1, 13))) end
  redis.call('HSET', store.tag .. 'j:' .. job.id, 'u', string.format('%013d%s', until_, why))
  redis.call('ZADD', store.tag .. 'jx', 'LT', until_, job.id)
  redis.call('SPUBLISH', store.tag .. 'jc', job.id)
end
