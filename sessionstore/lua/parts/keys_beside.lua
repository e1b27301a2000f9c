-- The keys of the values beside a session. A field that begins with a colon names one: it holds the 16 letters of its
-- id, and then its size in bytes.
local function keys_beside(s, store)
  local fields, keys = {}, {}
  for _, name in ipairs(s.has_beside and redis.call('HKEYS', s.session) or {}) do
    if string.byte(name) == 58 then fields[#fields + 1] = name end
  end
  for i, value in ipairs(#fields > 0 and redis.call('HMGET', s.session, unpack(fields)) or {}) do
    keys[i] = store.tag .. 'v:' .. string.sub(value, 1, 16)
  end
  return keys
end
