-- The values of the fields that `given` names from `first` on. It unpacks no more than a thousand at a time.
local function values_of(session, given, first)
  if #given - first < 1000 then return redis.call('HMGET', session, unpack(given, first)) end
  local values = {}
  for i = first, #given, 1000 do
    for _, value in ipairs(redis.call('HMGET', session, unpack(given, i, math.min(i + 999, #given)))) do
      values[#values + 1] = value
    end
  end
  return values
end
