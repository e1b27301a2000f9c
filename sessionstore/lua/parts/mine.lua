-- Why an opening may not go on with a session, as a reply; nil if it holds it.
local function mine(s, fence)
  if not s then return {'OVER', 'timed out'} end
  if s.over then return {'OVER', s.over} end
  if s.fence ~= fence or not s.held then return {'LOST'} end
  return nil
end
