-- Drop the attributes whose lifetime is over, if there may be any. Then count anew what the session holds, because some
-- servers drop such fields by themselves.
local function drop_expired(s, store)
  if not s.first_end or s.first_end > store.now then return end
  --@use end_of
  --@use size_of
  local all, size, first_end = redis.call('HGETALL', s.session), 0, nil
  for i = 1, #all, 2 do
    local name, value = all[i], all[i + 1]
    local kind, ends = string.byte(name), end_of(name, value)
    if ends and ends <= store.now then
      redis.call('HDEL', s.session, name)
    else
      if ends then first_end = math.min(ends, first_end or ends) end
      if kind == 46 or kind == 58 or kind == 64 then size = size + size_of(name, value) end
    end
  end
  s.size, s.first_end = size, first_end
  redis.call('HSET', s.session, 'b', size)
  if first_end then redis.call('HSET', s.session, 'i', first_end) else redis.call('HDEL', s.session, 'i') end
end
