-- Whether a user may know of the jobs of a group: who is privileged (empty), or has the session, or if it is public.
local function may_see(group, user, store)
  if user == '' then return true end
  local owner = redis.call('HGET', store.tag .. 'jg:' .. group, 'o')
  return owner == user or owner == '*'
end
