-- Add jobs to a group, all or none, within the limits; without an id, only make the group. `ids` has 25 characters for
-- each. `away` says whether its session is in another bucket. From `first` on, `given` holds what each is given, then
-- the fields of all, names and values in turn; a key or files has only one that comes alone.
--@use parameter
--@use post
local function add_jobs(group, sid, owner, away, ids, given, first, store)
  local facts, live = store.tag .. 'jg:' .. group, store.tag .. 'js:' .. group
  local turn = (owner == '' or owner == '*') and group or owner
  local owned, keys = store.tag .. 'jo:' .. turn, store.tag .. 'ju:' .. group
  local count = #ids / 25
  local fields = first + count
  local key, due, expiry, many, files = nil, store.now, 604800000, 0, false
  if count > 0 then
    if redis.call('EXISTS', store.tag .. 'j:' .. string.sub(ids, 1, 25)) == 1 then
      return {'SUBMITTED', ids, group, turn}
    end
    for i = fields, #given, 2 do
      if given[i] == 'k' then key = given[i + 1] end
      if given[i] == 'd' then
        due = store.now + given[i + 1]
        given[i + 1] = due
      end
      if string.byte(given[i]) == 42 then files = true end
    end
    local other = key and redis.call('HGET', keys, key)
    if other and redis.call('EXISTS', store.tag .. 'j:' .. other) == 1 then return {'DUPLICATE', other, group, turn} end
    local most = parameter(store, 'max_jobs', 'max_jobs_per_owner')
    many = redis.call('ZCARD', live)
    if most and many + count > most then return {'LIMIT', most, 'session'} end
    most = parameter(store, 'max_jobs_per_owner')
    if most and redis.call('ZCARD', owned) + count > most then return {'LIMIT', most, 'owner'} end
  end

  -- Later only moves change where the session is: it may be about to leave, or was elsewhere a moment ago.
  if redis.call('HSETNX', facts, 's', sid) == 1 then
    redis.call('HSET', facts, 'o', owner)
    if away ~= '' then redis.call('HSET', facts, 'a', 1) end
  end
  expiry = math.max(expiry, due - store.now + expiry)
  local extends = many == 0 or due > store.now -- else there are jobs for which the sweep does
  if extends then redis.call('PEXPIRE', facts, expiry) end

  for at = 0, count - 1 do
    local id = string.sub(ids, 25 * at + 1, 25 * at + 25)
    local job = store.tag .. 'j:' .. id
    redis.call('HSET', job, 's', 'queued', 'g', group, 'o', turn, 'c', store.now, 't', 0, 'd', due,
      'p', given[first + at], unpack(given, fields))
    redis.call('PEXPIRE', job, expiry)
    redis.call('ZADD', live, store.now, id)
    redis.call('ZADD', owned, store.now, id)
    redis.call('ZADD', store.tag .. 'jx', due + 5000, id)
    post(group, id, 'queued', '', '', store)
  end
  if count > 0 then
    if extends then redis.call('PEXPIRE', live, expiry) end
    redis.call('PEXPIRE', owned, expiry)
  end
  if key then
    redis.call('HSET', keys, key, ids)
    redis.call('PEXPIRE', keys, expiry)
  end
  if files then redis.call('PEXPIRE', store.tag .. 'jb:' .. ids, expiry) end
  return {'SUBMITTED', ids, group, turn}
end
