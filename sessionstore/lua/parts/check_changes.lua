-- Check what a save has to write. Answers the fields to write, names and values in turn, with the new size if that has
-- changed; or nil and the refusal. From `first` on, `given` holds `count` pairs of name and value, then removed names.
-- The session must have room for it, and for no more than 500 values beside it. A value beside it must have been
-- written as a whole before. If the save is refused, the values that were written for it go.
--@use size_of
--@use end_of
--@use keys_beside
local function check_changes(s, given, first, count, store)
  local fields, after = {}, first + 2 * count
  if #given < first then return fields end

  local before, beside, fresh, refusal = tonumber(s.size), 0, {}, nil
  local size, i = before, first
  while i <= #given do
    local name, value, stored = given[i], i < after and given[i + 1], 0
    if string.byte(name) == 58 then -- a value that is kept beside the session
      local was = redis.call('HGET', s.session, name)
      stored, s.special = size_of(name, was), true
      if value and not was then beside = beside + 1 end
      local id = value and string.sub(value, 1, 16)
      if id and string.sub(was or '', 1, 16) ~= id and string.sub(value, 17) ~= '0' then
        fresh[#fresh + 1], fresh[#fresh + 2] = store.tag .. 'v:' .. id, store.tag .. 'r:' .. id
      end
    else
      local length = redis.call('HSTRLEN', s.session, name)
      if length > 0 then stored = #name + length end
    end
    size = size + size_of(name, value) - stored
    if value then
      fields[#fields + 1], fields[#fields + 2] = name, value
      local ends = string.byte(value) == 193 and end_of(name, value)
      if ends then s.first_end, s.special = math.min(ends, s.first_end or ends), true end
    end
    i = i + (value and 2 or 1)
  end
  if beside > 0 and #keys_beside(s, store) + beside > 500 then refusal = {'LIMIT', 500, 'kept'}
  elseif store.max_bytes and size > store.max_bytes and size > before then
    refusal = {'TOOBIG', size, store.max_bytes}
  end
  for _, key in ipairs(fresh) do
    if refusal then redis.call('UNLINK', key)
    elseif redis.call('EXISTS', key) == 0 then return nil, {'UNSTAGED'} end
  end
  if refusal then return nil, refusal end
  if size ~= before then fields[#fields + 1], fields[#fields + 2] = 'b', size end
  if s.first_end then fields[#fields + 1], fields[#fields + 2] = 'i', s.first_end end
  return fields
end
