-- Whether a session is the one that a caller has read: `which` says when that was made, and its origin. Another one may
-- have its name by now, also one that has moved there and was made in the same millisecond.
local function is_same(s, which)
  local created, origin = string.match(which, '^(%d+) (.*)$')
  if s.created ~= created then return false end
  local moved = redis.call('HGET', s.session, 'r')
  return not moved or moved == origin
end
