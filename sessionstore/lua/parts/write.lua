-- Write fields of a session, names and values in turn, a thousand arguments at a time; the last ones are left to the
-- caller, who has more to write along with them. Then drop the fields that `given` names from `first` on.
-- What is kept beside the session goes with its field, and an attribute with a lifetime ends by itself if the server
-- can do that.
local function write(s, fields, given, first, store)
  local function leave_behind(name, instead)
    local old = string.byte(name) == 58 and redis.call('HGET', s.session, name)
    if old and string.sub(old, 1, 16) ~= instead then redis.call('UNLINK', store.tag .. 'v:' .. string.sub(old, 1, 16)) end
  end

  local last = {}
  for i = 1, #fields, 2 do
    local ends = lifetime(fields[i], fields[i + 1])
    if ends then
      redis.call('HSET', s.session, fields[i], fields[i + 1])
      redis.pcall('HPEXPIREAT', s.session, ends, 'FIELDS', 1, fields[i])
    else
      last[#last + 1], last[#last + 2] = fields[i], fields[i + 1]
    end
    if string.byte(fields[i]) == 58 then
      local key = string.sub(fields[i + 1], 1, 16)
      leave_behind(fields[i], key)
      local at = redis.call('PEXPIRETIME', s.session)
      if at > 0 then redis.call('PEXPIREAT', store.tag .. 'v:' .. key, at) end
      s.kept = '1'
      redis.call('HSET', s.session, 'p', s.kept)
    end
  end
  for i = first, #given do leave_behind(given[i]) end

  while #last > 1000 do
    redis.call('HSET', s.session, unpack(last, #last - 999))
    for _ = 1, 1000 do last[#last] = nil end
  end
  for i = first, #given, 1000 do
    redis.call('HDEL', s.session, unpack(given, i, math.min(i + 999, #given)))
  end
  return last
end
