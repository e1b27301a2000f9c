-- The lease of a running job is over: its worker is gone, or hangs. It goes back into line, or it was lost for good.
--@use close_job
--@use requeue_job
local function lose_job(job, store)
  if job.cancel then
    close_job(job, 'cancelled', '', string.sub(job.cancel, 14), store)
    return
  end
  job.lost = job.lost + 1
  redis.call('HSET', store.tag .. 'j:' .. job.id, 'x', job.lost)
  if job.lost > job.may_lose then close_job(job, 'lost', '', 'its worker was lost', store)
  else requeue_job(job, 0, 'worker lost', store) end
end
