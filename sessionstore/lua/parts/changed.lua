-- What a save has to write: names and values in turn, the new size among them if it is another.
-- From `first` on, `given` holds `count` pairs of name and value, then removed names. Answers nil and the size
-- instead, if that is more than the session may hold and has become more.
local function changed(s, given, first, count, store)
  local fields = {}
  if #given < first then return fields end

  local before = tonumber(s.size)
  local size, after = before, first + 2 * count
  for i = first, after - 1, 2 do
    local stored = redis.call('HSTRLEN', s.session, given[i])
    if stored == 0 then size = size + #given[i] end
    size = size + #given[i + 1] - stored
    fields[#fields + 1], fields[#fields + 2] = given[i], given[i + 1]
  end
  for i = after, #given do
    local stored = redis.call('HSTRLEN', s.session, given[i])
    if stored > 0 then size = size - #given[i] - stored end
  end
  if store.max_bytes and size > store.max_bytes and size > before then return nil, size end
  if size ~= before then fields[#fields + 1], fields[#fields + 2] = 'b', size end
  return fields
end
