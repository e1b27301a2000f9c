-- Look at some sessions of an owner: those that are over end; of those that are `due`, the others get the place in
-- the index that they should have. Answers the ones that nobody holds.
--@use look
--@use vanish
--@use lapse
--@use finish
local function cull(sids, owner, due, store)
  local idle = {}
  for _, sid in ipairs(sids) do
    local s = look(store.tag .. 's:' .. sid, store)
    if not s then vanish(sid, owner, store)
    elseif not s.moving then
      if s.over then
        if s.lapsed then lapse(s, store) end
        finish(s, store)
      else
        if due then redis.call('ZADD', store.tag .. 'o:' .. owner, s.pending and s.lease_end or s.deadline, sid) end
        if not s.held then idle[#idle + 1] = s end
      end
    end
  end
  return idle
end
