-- Write the fields that are more than a field. A value beside the session comes and goes with the field that names it.
-- An attribute with a lifetime ends by itself, if the server can do that. Answers the other fields.
--@use end_of
local function write_special(s, fields, given, first, store)
  local others, gone = {}, {}
  for i = first, #given do gone[#gone + 1] = given[i] end
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    local ends = end_of(name, value)
    if string.byte(name) == 58 then
      local old = redis.call('HGET', s.session, name)
      if old and string.sub(old, 1, 16) ~= string.sub(value, 1, 16) then gone[#gone + 1] = name end
    end
    if not ends then others[#others + 1], others[#others + 2] = name, value end
  end
  for _, name in ipairs(gone) do
    local old = string.byte(name) == 58 and redis.call('HGET', s.session, name)
    if old then redis.call('UNLINK', store.tag .. 'v:' .. string.sub(old, 1, 16)) end
  end

  local at = redis.call('PEXPIRETIME', s.session)
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    local ends = end_of(name, value)
    if ends then
      redis.call('HSET', s.session, name, value)
      redis.pcall('HPEXPIREAT', s.session, ends, 'FIELDS', 1, name)
    elseif string.byte(name) == 58 then
      if at > 0 then redis.call('PEXPIREAT', store.tag .. 'v:' .. string.sub(value, 1, 16), at) end
      s.has_beside = '1'
      redis.call('HSET', s.session, 'p', s.has_beside)
      redis.call('HDEL', s.session, 'v') -- what was reserved has its name now
    end
  end
  return others
end
