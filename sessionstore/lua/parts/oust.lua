-- End a session to make room for another, unless somebody holds it or it was active since the caller looked. Answers
-- whether it has ended.
--@use look
--@use lapse
--@use finish
local function oust(session, activity, store)
  local s = look(session, store)
  if not s or s.ended then return true end
  if s.held or s.moving or s.activity ~= activity then return false end
  if s.lapsed then lapse(s, store) end
  if not s.over then s.over, s.kind = 'evicted', 'evicted' end
  finish(s, store)
  return true
end
