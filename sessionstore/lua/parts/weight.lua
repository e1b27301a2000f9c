-- The bytes that a field counts for, its name included, and what is kept beside the session under it.
local function weight(name, value)
  if not value then return 0 end
  return #name + #value + (string.byte(name) == 58 and tonumber(string.sub(value, 17)) or 0)
end
