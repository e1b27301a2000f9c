-- Whether the session's owner is the one expected (if any), and one that the acting user (if any) may know of.
local function visible(s, owner, user)
  if owner ~= '{any}' and s.owner ~= owner then return false end
  return user == '' or s.owner == user or s.owner == '*'
end
