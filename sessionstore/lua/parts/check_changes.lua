-- Check what a save has to write. Answers the fields to write, names and values in turn, with the new size if that has
-- changed; or nil and the refusal. From `first` on, `given` holds `count` pairs of name and value, then removed names.
-- The session must have room for it, and for no more than 500 values beside it. A value beside it must have been
-- written as a whole before. If the save is refused, the values that were written for it go.
local function check_changes(s, given, first, count, store)
  local fields, after = {}, first + 2 * count
  if #given < first then return fields end

  local before, beside, fresh, refusal = tonumber(s.size), 0, nil, nil
  local size, i = before, first
  while i <= #given do
    local name, value = given[i], i < after and given[i + 1]
    if string.byte(name) == 58 then -- it names a value beside the session
      --@use size_of
      local was = not s.is_new and redis.call('HGET', s.session, name)
      size, s.special = size + size_of(name, value) - size_of(name, was), true
      if value and not was then beside = beside + 1 end
      local id = value and string.sub(value, 1, 16)
      if id and string.sub(was or '', 1, 16) ~= id and string.sub(value, 17) ~= '0' then
        fresh = fresh or {}
        fresh[#fresh + 1], fresh[#fresh + 2] = store.tag .. 'v:' .. id, store.tag .. 'r:' .. id
      end
    else
      local length = s.is_new and 0 or redis.call('HSTRLEN', s.session, name)
      if length > 0 then size = size - #name - length end
      if value then size = size + #name + #value end
    end
    if value then
      fields[#fields + 1], fields[#fields + 2] = name, value
      if string.byte(value) == 193 then
        --@use end_of
        local ends = end_of(name, value)
        if ends then s.first_end, s.special = math.min(ends, s.first_end or ends), true end
      end
    end
    i = i + (value and 2 or 1)
  end
  if store.max_bytes and size > store.max_bytes and size > before then
    refusal = {'TOOBIG', size, store.max_bytes}
  end
  if beside > 0 then
    --@use keys_beside
    if #keys_beside(s, store) + beside > 500 then refusal = {'LIMIT', 500, 'kept'} end
  end
  for _, key in ipairs(fresh or {}) do
    if refusal then redis.call('UNLINK', key)
    elseif redis.call('EXISTS', key) == 0 then return nil, 'UNSTAGED' end
  end
  if refusal then return nil, refusal end
  if size ~= before then fields[#fields + 1], fields[#fields + 2] = 'b', size end
  if s.first_end then fields[#fields + 1], fields[#fields + 2] = 'i', s.first_end end
  return fields
end
