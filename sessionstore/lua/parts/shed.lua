-- Drop the attributes whose lifetime is over, if there may be one, and count anew what the session holds: some servers
-- drop them by themselves.
--@use lifetime
--@use weight
local function shed(s, store)
  if not s.sheds or s.sheds > store.now then return end
  local all, size, sheds = redis.call('HGETALL', s.session), 0, nil
  for i = 1, #all, 2 do
    local name, value = all[i], all[i + 1]
    local kind, ends = string.byte(name), lifetime(name, value)
    if ends and ends <= store.now then
      redis.call('HDEL', s.session, name)
    else
      if ends then sheds = math.min(ends, sheds or ends) end
      if kind == 46 or kind == 58 or kind == 64 then size = size + weight(name, value) end
    end
  end
  s.size, s.sheds = size, sheds
  redis.call('HSET', s.session, 'b', size)
  if sheds then redis.call('HSET', s.session, 'i', sheds) else redis.call('HDEL', s.session, 'i') end
end
