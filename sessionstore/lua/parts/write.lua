-- Write the changed attributes of a session and drop the removed ones.
-- From `first` on, `given` holds `count` pairs of name and value, then removed names. Answers nil, or the size the
-- session would have if that is more than it may hold; then nothing was written.
local function write(session, given, first, count, store)
  local after = first + 2 * count
  if #given < first then return nil end

  local size = tonumber(redis.call('HGET', session, 'b') or 0)
  local before = size
  for i = first, after - 1, 2 do
    local stored = redis.call('HSTRLEN', session, given[i])
    if stored == 0 then size = size + #given[i] end
    size = size + #given[i + 1] - stored
  end
  for i = after, #given do
    local stored = redis.call('HSTRLEN', session, given[i])
    if stored > 0 then size = size - #given[i] - stored end
  end
  if store.max_bytes and size > store.max_bytes and size > before then return size end

  for i = first, after - 1, 1000 do
    redis.call('HSET', session, unpack(given, i, math.min(i + 999, after - 1)))
  end
  for i = after, #given, 1000 do
    redis.call('HDEL', session, unpack(given, i, math.min(i + 999, #given)))
  end
  if size ~= before then redis.call('HSET', session, 'b', size) end
  return nil
end
