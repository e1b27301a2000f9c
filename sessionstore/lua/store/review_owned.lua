#!lua flags=allow-oom
-- Go through the sessions of an owner who has more than one call looks at: those that are over end.
--
-- KEYS[1] owned       {P:B}o:OWNER  zset
-- KEYS[2] parameters  {P:B}p        hash
-- ARGV[1] owner   a user id
-- ARGV[2] cursor  as the last page gave it; 0 at first
-- Derives  {P:B}s:SID, {P:B}x, {P:B}ev, {P:B}q, {P:B}w:SID, {P:B}g:TICKET, {P:B}v:ID
-- Returns  {cursor, sessions that the owner has now, sid that nobody holds, its last activity, ...}
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
local idle = {review_sessions(due, owner, true, store), review_sessions(others, owner, false, store)}
local found = {page[1], redis.call('ZCARD', owned)}
for _, part in ipairs(idle) do
  for _, s in ipairs(part) do found[#found + 1], found[#found + 2] = s.sid, s.activity end
end
return found
