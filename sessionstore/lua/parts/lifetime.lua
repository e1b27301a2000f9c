-- When an attribute ends by itself, or nil: such a value begins with the byte 193 and 13 digits, milliseconds.
local function lifetime(name, value)
  return string.byte(name) == 46 and string.byte(value) == 193 and #value > 13 and tonumber(string.sub(value, 2, 14)) or nil
end
