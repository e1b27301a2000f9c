#!lua flags=no-writes
-- Read one page of an index: the sessions in it that are alive and that the caller may know of.
--
-- KEYS[1] index       {P:B}x or {P:B}o:OWNER  zset
-- KEYS[2] parameters  {P:B}p                  hash
-- ARGV[1] cursor  as the last page gave it; 0 at first
-- ARGV[2] user    the acting user, if not privileged; empty: anybody's sessions are visible
-- Derives  {P:B}s:SID, {P:B}l
-- Returns  {cursor, {how a session has come or gone of late, ...},
--          {sid, fence, owner, timeout, created, activity, deadline, ends, holder, lease_end, origin or empty}, ...};
--          a session on the move is {sid, how}; the cursor is empty at the end. Moves that an earlier page told are
--          left out. If they are 500, there may be more, and no session is read before all of them are told
local index = KEYS[1]
local parameters = KEYS[2]
local cursor = ARGV[1]
local user = ARGV[2]
--@use begin
--@use look
--@use visible

local store = begin(parameters)
local at, seen = string.match(cursor, '^(%d+) ?(.*)$')
-- Each move is noted once, and the oldest are forgotten first: behind the last one that was told are only new ones.
local notes = store.tag .. 'l'
local told = redis.call('ZRANK', notes, seen)
local first = told and told + 1 or 0
local moves = redis.call('ZRANGE', notes, first, first + 499)
local last = ' ' .. (moves[#moves] or seen)
if #moves == 500 then return {at .. last, moves} end
local page = redis.call('ZSCAN', index, at, 'COUNT', 100)
local rows = {page[1] == '0' and '' or page[1] .. last, moves}
for i = 1, #page[2], 2 do
  local s = look(store.tag .. 's:' .. page[2][i], store)
  if s and visible(s, '{any}', user) then
    if s.in_transit then
      rows[#rows + 1] = {s.sid, s.moving}
    elseif not s.over then
      rows[#rows + 1] = {s.sid, string.format('%d', s.fence), s.owner, s.timeout, s.created, s.activity, s.deadline,
        s.ends or '', s.held and s.label or '', s.held and s.lease_end or 0,
        redis.call('HGET', s.session, 'r') or ''}
    end
  end
end
return rows
