#!lua flags=allow-oom
-- Go through the sessions of an owner who has more than one call looks at: those that are over end.
--
-- KEYS[1] owned       {P:B}o:OWNER  zset
-- KEYS[2] parameters  {P:B}p        hash
-- ARGV[1] owner   a user id
-- ARGV[2] cursor  as the last page gave it; 0 at first
-- Derives  {P:B}s:SID, {P:B}x, {P:B}ev, {P:B}q, {P:B}w:SID, {P:B}g:TICKET, {P:B}v:ID
-- Returns  {cursor, sessions that the owner has now, sid that nobody holds, its last activity or how it moves, ...}
local owned = KEYS[1]
local parameters = KEYS[2]
local owner = ARGV[1]
local cursor = ARGV[2]
--@use begin
--@use review_sessions

local store = begin(parameters)
local page = redis.call('ZSCAN', owned, cursor, 'COUNT', 200)
local due, others = {}, {}
for i = 1, #page[2], 2 do
  local part = tonumber(page[2][i + 1]) <= store.now and due or others
  part[#part + 1] = page[2][i]
end
local found = {page[1]}
for _, part in ipairs({due, others}) do
  local idle, moving = review_sessions(part, owner, part == due, store)
  for _, s in ipairs(idle) do found[#found + 1], found[#found + 2] = s.sid, s.activity end
  for _, s in ipairs(moving) do found[#found + 1], found[#found + 2] = s.sid, s.moving end
end
table.insert(found, 2, redis.call('ZCARD', owned))
return found
