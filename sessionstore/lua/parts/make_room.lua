-- Make sure that an owner may have one session more. Answers nil, or the refusal. At the limit, sessions that are over
-- end. If the store evicts, the least recently active ones that nobody holds end as well. More than a page of them is
-- too much for one call; so are those on the move whose mover has gone.
--@use review_sessions
--@use note_lapse
--@use end_session
--@use parameter
local function make_room(owner, store)
  local limit, owned = parameter(store, 'max_per_owner'), store.tag .. 'o:' .. owner
  if owner == '' or owner == '*' or not limit then return nil end
  if redis.call('ZCARD', owned) < limit then return nil end

  -- A score is never later than the deadline, or than the lease of who moves it. So what is over is due.
  local due = redis.call('ZRANGE', owned, '-inf', store.now, 'BYSCORE', 'LIMIT', 0, 500)
  local _, moving = review_sessions(due, owner, true, store)
  local size, evicts = redis.call('ZCARD', owned), parameter(store, 'at_limit') == 'evict'
  if size < limit then return nil end
  if #due == 500 or #moving > 0 or evicts and size > 500 then return {'CROWDED', limit, evicts and 1 or 0} end

  local excess = size - limit + 1
  local idle = evicts and review_sessions(redis.call('ZRANGE', owned, 0, -1), owner, false, store) or {}
  if #idle < excess then return {'LIMIT', limit} end
  table.sort(idle, function(a, b) return a.activity < b.activity end)
  for i = 1, excess do
    if idle[i].lapsed then note_lapse(idle[i], store) end
    idle[i].over, idle[i].kind = 'evicted', 'evicted'
    end_session(idle[i], store)
  end
  return nil
end
