-- Whether a session has the owner that is expected (if any), and the acting user (if any) may know of it; of a
-- tombstone nobody knows any more that has lingered.
local function visible(s, owner, user)
  if s.silent then return false end
  if owner ~= '{any}' and s.owner ~= owner then return false end
  return user == '' or s.owner == user or s.owner == '*'
end
