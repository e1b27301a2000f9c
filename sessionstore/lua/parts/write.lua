-- Write fields of a session, names and values in turn, a thousand arguments at a time; the last ones are left to the
-- caller, who has more to write along with them. Then drop the attributes that `given` names from `first` on.
local function write(session, fields, given, first)
  while #fields > 1000 do
    redis.call('HSET', session, unpack(fields, #fields - 999))
    for _ = 1, 1000 do fields[#fields] = nil end
  end
  for i = first, #given, 1000 do
    redis.call('HDEL', session, unpack(given, i, math.min(i + 999, #given)))
  end
  return fields
end
