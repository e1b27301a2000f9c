-- What a save has to write: names and values in turn, the new size among them if it is another.
-- From `first` on, `given` holds `count` pairs of name and value, then removed names. Answers nil and the refusal
-- instead, if that is more than the session may hold and has become more, or more than 500 values beside it.
local function changed(s, given, first, count, store)
  local fields, after = {}, first + 2 * count
  if #given < first then return fields end

  local function stored(name)
    if string.byte(name) == 58 then return weight(name, redis.call('HGET', s.session, name)) end
    local length = redis.call('HSTRLEN', s.session, name)
    return length > 0 and #name + length or 0
  end

  local before, beside = tonumber(s.size), 0
  local size = before
  for i = first, after - 1, 2 do
    local name, value = given[i], given[i + 1]
    local was = stored(name)
    if was == 0 and string.byte(name) == 58 then beside = beside + 1 end
    size = size + weight(name, value) - was
    fields[#fields + 1], fields[#fields + 2] = name, value
    local ends = lifetime(name, value)
    if ends then s.sheds = math.min(ends, s.sheds or ends) end
  end
  for i = after, #given do size = size - stored(given[i]) end
  if beside > 0 and #kept(s, store) + beside > 500 then return nil, {'LIMIT', 500, 'kept'} end
  if store.max_bytes and size > store.max_bytes and size > before then return nil, {'TOOBIG', size, store.max_bytes} end
  if size ~= before then fields[#fields + 1], fields[#fields + 2] = 'b', size end
  if s.sheds then fields[#fields + 1], fields[#fields + 2] = 'i', s.sheds end
  return fields
end
