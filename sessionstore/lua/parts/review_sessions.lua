-- Look at some sessions of an owner, and end those that are over. Of those that are `due`, the others get their right
-- place in the index. Answers the sessions that nobody holds, and those between two homes.
--@use look
--@use end_missing
--@use note_lapse
--@use end_session
local function review_sessions(sids, owner, due, store)
  local idle, moving = {}, {}
  for _, sid in ipairs(sids) do
    local s = look(store.tag .. 's:' .. sid, store)
    if not s then end_missing(sid, owner, store)
    elseif s.in_transit then moving[#moving + 1] = s
    elseif not s.moving then
      if s.over then
        if s.lapsed then note_lapse(s, store) end
        end_session(s, store)
      else
        if due then
          -- A grant that nobody takes up counts as nothing at its end.
          local early = s.pending or s.held and s.mark == 'g'
          redis.call('ZADD', store.tag .. 'o:' .. owner, early and s.lease_end or s.deadline, sid)
        end
        if not s.held then idle[#idle + 1] = s end
      end
    end
  end
  return idle, moving
end
