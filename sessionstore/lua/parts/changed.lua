-- What a save has to write: names and values in turn, the new size among them if it is another.
-- From `first` on, `given` holds `count` pairs of name and value, then removed names. Answers nil and the refusal
-- instead, if that is more than the session may hold and has become more, or more than 500 values beside it, or if a
-- value is not there, or not as a whole, that was written for this. Values written for what is refused go.
--@use weight
--@use lifetime
--@use kept
local function changed(s, given, first, count, store)
  local fields, after = {}, first + 2 * count
  if #given < first then return fields end

  local before, beside, fresh, refusal = tonumber(s.size), 0, {}, nil
  local size, i = before, first
  while i <= #given do
    local name, value, stored = given[i], i < after and given[i + 1], 0
    if string.byte(name) == 58 then -- a value that is kept beside the session
      local was = redis.call('HGET', s.session, name)
      stored, s.apart = weight(name, was), true
      if value and not was then beside = beside + 1 end
      local id = value and string.sub(value, 1, 16)
      if id and string.sub(was or '', 1, 16) ~= id and string.sub(value, 17) ~= '0' then
        fresh[#fresh + 1], fresh[#fresh + 2] = store.tag .. 'v:' .. id, store.tag .. 'r:' .. id
      end
    else
      local length = redis.call('HSTRLEN', s.session, name)
      if length > 0 then stored = #name + length end
    end
    size = size + weight(name, value) - stored
    if value then
      fields[#fields + 1], fields[#fields + 2] = name, value
      local ends = string.byte(value) == 193 and lifetime(name, value)
      if ends then s.sheds, s.apart = math.min(ends, s.sheds or ends), true end
    end
    i = i + (value and 2 or 1)
  end
  if beside > 0 and #kept(s, store) + beside > 500 then refusal = {'LIMIT', 500, 'kept'}
  elseif store.max_bytes and size > store.max_bytes and size > before then
    refusal = {'TOOBIG', size, store.max_bytes}
  end
  for _, key in ipairs(fresh) do
    if refusal then redis.call('UNLINK', key)
    elseif redis.call('EXISTS', key) == 0 then return nil, {'UNSTAGED'} end
  end
  if refusal then return nil, refusal end
  if size ~= before then fields[#fields + 1], fields[#fields + 2] = 'b', size end
  if s.sheds then fields[#fields + 1], fields[#fields + 2] = 'i', s.sheds end
  return fields
end
