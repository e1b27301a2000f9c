-- End a job: write down what became of it, tell it, wake who waits for it. Of a session that has ended itself, the end
-- of the last job is the time to tell that. The lease stays: who has it may not know yet that it is over.
--@use post
--@use tell_end
local function close_job(job, state, body, why, store)
  local key, kinds = store.tag .. 'j:' .. job.id, {done = 'result'}
  redis.call('HSET', key, 's', state, 'f', store.now, 'z', body, 'Z', why, 't', string.match(job.token or '0', '^%d+'))
  redis.call('HDEL', key, 'u')
  local keep = job.keep
  if state == 'failed' or state == 'lost' then
    keep = math.max(keep, 604800000)
    redis.call('ZADD', store.tag .. 'jd', store.now, job.id)
    redis.call('ZREMRANGEBYSCORE', store.tag .. 'jd', '-inf', store.now - 604800000)
    redis.call('ZREMRANGEBYRANK', store.tag .. 'jd', 0, -1001)
  end
  redis.call('PEXPIRE', key, keep)
  if job.files then redis.call('PEXPIRE', store.tag .. 'jb:' .. job.id, keep) end
  job.state, job.live = state, false

  redis.call('ZREM', store.tag .. 'jx', job.id)
  redis.call('ZREM', store.tag .. 'jo:' .. job.owner, job.id)
  redis.call('ZREM', store.tag .. 'js:' .. job.group, job.id)
  if job.key then redis.call('HDEL', store.tag .. 'ju:' .. job.group, job.key) end
  local waiters = store.tag .. 'jw:' .. job.id
  for _, ticket in ipairs(redis.call('LRANGE', waiters, 0, 499)) do
    redis.call('RPUSH', store.tag .. 'g:' .. ticket, 'over')
    redis.call('PEXPIRE', store.tag .. 'g:' .. ticket, 10000)
  end
  redis.call('UNLINK', waiters)
  if not job.silent then
    local ended = store.tag .. 'jf:' .. job.group
    local length = redis.call('RPUSH', ended, job.id)
    if length == 1 or length > 320 then
      redis.call('LTRIM', ended, -256, -1)
      redis.call('PEXPIRE', ended, 604800000)
    end
    post(job.group, job.id, kinds[state] or state, body, why, store)
    tell_end(job.group, store)
  end
end
