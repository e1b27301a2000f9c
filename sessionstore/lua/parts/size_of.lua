-- The bytes that a field counts for: its name, its value, and the value beside the session that it names.
local function size_of(name, value)
  if not value then return 0 end
  return #name + #value + (string.byte(name) == 58 and tonumber(string.sub(value, 17)) or 0)
end
