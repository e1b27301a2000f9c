-- Whether an owner may have one session more: at the limit every session of the owner is looked at, those that are
-- over end, and, if the store evicts, so do the least recently active ones that nobody holds.
-- `leaving` is how many of them are about to leave.
local function make_room(owner, leaving, store)
  local limit, owned = store.max_per_owner, store.tag .. 'o:' .. owner
  if limit then limit = limit + leaving end
  if owner == '' or owner == '*' or not limit or redis.call('ZCARD', owned) < limit then return true end

  local idle = {}
  for _, sid in ipairs(redis.call('ZRANGE', owned, 0, 499)) do
    local s = look(store.tag .. 's:' .. sid, store)
    if not s then
      redis.call('ZREM', owned, sid)
      redis.call('ZREM', store.tag .. 'x', sid)
    elseif not s.moving then
      if s.over then
        if s.lapsed then lapse(s, store) end
        finish(s, store)
      elseif not s.held then idle[#idle + 1] = s end
    end
  end

  local excess = redis.call('ZCARD', owned) - limit + 1
  if excess <= 0 then return true end
  if store.at_limit ~= 'evict' or #idle < excess then return false end
  table.sort(idle, function(a, b) return a.activity < b.activity end)
  for i = 1, excess do
    idle[i].over, idle[i].kind = 'evicted', 'evicted'
    finish(idle[i], store)
  end
  return true
end
