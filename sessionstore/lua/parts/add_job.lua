-- Add a job to a group, within the limits; without an id, only make the group. `away` says whether its session is in
-- another bucket. From `first` on, `given` holds the fields of the job, names and values in turn.
--@use parameter
--@use post
local function add_job(group, sid, owner, away, id, given, first, store)
  local facts, live = store.tag .. 'jg:' .. group, store.tag .. 'js:' .. group
  local turn = (owner == '' or owner == '*') and group or owner
  local job, owned, keys = store.tag .. 'j:' .. id, store.tag .. 'jo:' .. turn, store.tag .. 'ju:' .. group
  local key, due, expiry, many = nil, store.now, 604800000, 0
  if id ~= '' then
    if redis.call('EXISTS', job) == 1 then return {'SUBMITTED', id, group, turn} end
    for i = first, #given, 2 do
      if given[i] == 'k' then key = given[i + 1] end
      if given[i] == 'd' then
        due = store.now + given[i + 1]
        given[i + 1] = due
      end
    end
    local other = key and redis.call('HGET', keys, key)
    if other and redis.call('EXISTS', store.tag .. 'j:' .. other) == 1 then return {'DUPLICATE', other, group, turn} end
    local most = parameter(store, 'max_jobs', 'max_jobs_per_owner')
    many = redis.call('ZCARD', live)
    if most and many >= most then return {'LIMIT', most, 'session'} end
    most = parameter(store, 'max_jobs_per_owner')
    if most and redis.call('ZCARD', owned) >= most then return {'LIMIT', most, 'owner'} end
  end

  -- Later only moves change where the session is: it may be about to leave, or was elsewhere a moment ago.
  if redis.call('HSETNX', facts, 's', sid) == 1 then
    redis.call('HSET', facts, 'o', owner)
    if away ~= '' then redis.call('HSET', facts, 'a', 1) end
  end
  expiry = math.max(expiry, due - store.now + expiry)
  local extends = many == 0 or due > store.now -- else there are jobs for which the sweep does
  if extends then redis.call('PEXPIRE', facts, expiry) end
  if id == '' then return {'SUBMITTED', id, group, turn} end

  redis.call('HSET', job, 's', 'queued', 'g', group, 'o', turn, 'c', store.now, 't', 0, 'd', due, unpack(given, first))
  redis.call('PEXPIRE', job, expiry)
  redis.call('ZADD', live, store.now, id)
  if extends then redis.call('PEXPIRE', live, expiry) end
  redis.call('ZADD', owned, store.now, id)
  redis.call('PEXPIRE', owned, expiry)
  redis.call('ZADD', store.tag .. 'jx', due + 5000, id)
  if key then
    redis.call('HSET', keys, key, id)
    redis.call('PEXPIRE', keys, expiry)
  end
  for i = first, #given, 2 do
    if string.byte(given[i]) == 42 then
      redis.call('PEXPIRE', store.tag .. 'jb:' .. id, expiry)
    end
  end
  post(group, id, 'queued', '', '', store)
  return {'SUBMITTED', id, group, turn}
end
