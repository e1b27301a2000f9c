-- End a session to make room for another, unless somebody holds it, or it was active since the caller looked. Answers
-- whether it has ended.
--@use look
--@use note_lapse
--@use end_session
local function evict_if_idle(session, activity, store)
  local s = look(session, store)
  if not s or s.ended then return true end
  if s.held or s.moving or s.activity ~= activity then return false end
  if s.lapsed then note_lapse(s, store) end
  if not s.over then s.over, s.kind = 'evicted', 'evicted' end
  end_session(s, store)
  return true
end
