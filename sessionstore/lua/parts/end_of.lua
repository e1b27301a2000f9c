-- When an attribute ends by itself, in milliseconds; nil: with its session. The value of one that ends begins with the
-- byte 193 and 13 digits.
local function end_of(name, value)
  if string.byte(name) ~= 46 or string.byte(value) ~= 193 or #value <= 13 then return nil end
  return tonumber(string.sub(value, 2, 14))
end
