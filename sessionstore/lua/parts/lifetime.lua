-- When an attribute ends by itself, or nil: such a value begins with the byte 193 and 13 digits, milliseconds.
local function lifetime(name, value)
  if string.byte(name) ~= 46 or string.byte(value) ~= 193 or #value <= 13 then return nil end
  return tonumber(string.sub(value, 2, 14))
end
