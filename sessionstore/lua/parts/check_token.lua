-- Whether a job may not be written to with a token. Answers the refusal, or nil. A lease that is over counts as long as
-- nobody has taken the job: then nobody else runs it.
local function check_token(job, token, store)
  if not job then return 'LOST' end
  if job.state == 'running' and job.token == token then return nil end
  if job.live then return 'LOST' end
  return {'OVER', job.state, redis.call('HGET', store.tag .. 'j:' .. job.id, 'Z') or ''}
end
