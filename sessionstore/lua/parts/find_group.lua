-- What has become of the session whose jobs a group holds: 'alive'; 'ended', and why; or 'away', and its id, if it is
-- in another bucket by now, where only its home can tell.
--@use look
local function find_group(group, store)
  local found = redis.call('HMGET', store.tag .. 'jg:' .. group, 's', 'a', 'e')
  if found[3] then return 'ended', found[3] end
  if not found[1] then return 'ended', 'timed out' end
  if found[2] then return 'away', found[1] end
  local s = look(store.tag .. 's:' .. found[1], store)
  if not s then return 'ended', 'timed out' end
  local target = s.ended and s.moving and string.match(s.moving, '^> %S+ (.*)$')
  if target then return 'away', target end
  if s.over then return 'ended', s.over end
  if s.moving and string.sub(s.moving, 1, 1) == '<' then return 'alive' end -- it is about to be here
  if s.jobs ~= group then return 'ended', 'deleted' end -- it is another one of its name
  return 'alive'
end
