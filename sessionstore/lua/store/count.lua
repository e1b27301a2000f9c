#!lua flags=no-writes
-- Count the sessions of an index that are alive. A score is never later than the deadline, so only those that are
-- due need a look, a page at a time.
--
-- KEYS[1] index       {P:B}x or {P:B}o:OWNER  zset
-- KEYS[2] parameters  {P:B}p                  hash
-- ARGV[1] cursor  as the last page gave it; empty on the first page, which counts all that are not due then
-- ARGV[2] alone   1: only this bucket is counted, so that nobody sees where the others have left
-- Derives  {P:B}s:SID, {P:B}l
-- Returns  {alive, looked, cursor, behind, {sid on the move, how, ...}, {how one has come or gone, ms ago, ...}}: of
--          this page, so many were due and looked at; so many are due behind it, where the cursor leads, if it is
--          not empty; on the move are those that have been for long, or whose mover is gone
local index = KEYS[1]
local parameters = KEYS[2]
local cursor = ARGV[1]
local alone = ARGV[2]
--@use begin
--@use due_page
--@use look

local store = begin(parameters)
local first = cursor == ''
local due, next_cursor, behind = due_page(index, cursor, 500, store)
local alive = first and redis.call('ZCOUNT', index, string.format('(%d', store.now), '+inf') or 0
local moving = {}
local moves = first and redis.call('ZRANGE', store.tag .. 'l', -500, -1, 'WITHSCORES') or {}
for i = 2, #moves, 2 do moves[i] = store.now - moves[i] end
for _, sid in ipairs(due) do
  local s = look(store.tag .. 's:' .. sid, store)
  if s and s.in_transit and string.sub(s.moving, 1, 1) == '<' then
    -- Not here yet. It is where it comes from, or has left there, and that was noted: for longer than this.
    if s.over or alone == '1' or s.activity < store.now - 5000 then
      moving[#moving + 1], moving[#moving + 2] = sid, s.moving
    end
  elseif s and not s.over then
    alive = alive + 1
    if s.in_transit then moving[#moving + 1], moving[#moving + 2] = sid, s.moving end -- its mover is gone
  end
end
return {alive, #due, next_cursor, behind, moving, moves}
