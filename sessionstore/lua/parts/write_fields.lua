-- Write fields of a session, names and values in turn, a thousand arguments at a time. Answers the last ones, which the
-- caller writes along with others. Then drop the fields that `given` names from `first` on.
local function write_fields(s, fields, given, first, store)
  if s.special then
    --@use write_special
    fields = write_special(s, fields, given, first, store)
  end
  while #fields > 1000 do
    redis.call('HSET', s.session, unpack(fields, #fields - 999))
    for _ = 1, 1000 do fields[#fields] = nil end
  end
  for i = first, #given, 1000 do
    redis.call('HDEL', s.session, unpack(given, i, math.min(i + 999, #given)))
  end
  return fields
end
