-- Check that an opening holds a session. Answers nil if it does, else the refusal.
local function check_holder(s, fence)
  if not s then return {'OVER', 'timed out'} end
  if s.over then return {'OVER', s.over} end
  if s.fence ~= fence or not s.held then return 'LOST' end
  return nil
end
