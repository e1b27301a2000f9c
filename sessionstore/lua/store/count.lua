#!lua flags=no-writes
-- Count the sessions of an index that are alive. A score is never later than the deadline, so only those that are
-- due need a look, a page at a time.
--
-- KEYS[1] index       {P:B}x or {P:B}o:OWNER  zset
-- KEYS[2] parameters  {P:B}p                  hash
-- ARGV[1] offset  how many due ones earlier pages looked at
-- ARGV[2] until_  the time of the first page, which counts what becomes due after it; empty on the first page
-- ARGV[3] alone   1: only this bucket is counted, so that nobody sees where the others have left
-- Derives  {P:B}s:SID, {P:B}l
-- Returns  {alive, more, now, {sid on the move, how, ...}, {how a session has come or gone of late, ms ago, ...}}: of
--          this page of due ones, and on the first page all that are not due; more: 1 if there are more due ones;
--          on the move are those that have been for long, or whose mover is gone
local index = KEYS[1]
local parameters = KEYS[2]
local offset = tonumber(ARGV[1])
local until_ = tonumber(ARGV[2])
local alone = ARGV[3]
--@use begin
--@use look

local store = begin(parameters)
until_ = until_ or store.now
-- It goes from the last one to the first. A sweep goes the other way, and so does not move those that come next.
local due = redis.call('ZRANGE', index, until_, '-inf', 'BYSCORE', 'REV', 'LIMIT', offset, 500)
local alive = offset == 0 and redis.call('ZCOUNT', index, '(' .. until_, '+inf') or 0
local moving = {}
local moves = offset == 0 and redis.call('ZRANGE', store.tag .. 'l', -500, -1, 'WITHSCORES') or {}
for i = 2, #moves, 2 do moves[i] = store.now - moves[i] end
for _, sid in ipairs(due) do
  local s = look(store.tag .. 's:' .. sid, store)
  if s and s.in_transit and string.sub(s.moving, 1, 1) == '<' then
    -- Not here yet. It is where it comes from, or has left there, and that was noted.
    if s.over then moves[#moves + 1], moves[#moves + 2] = s.moving, 0
    elseif alone == '1' or s.activity < store.now - 10000 then
      moving[#moving + 1], moving[#moving + 2] = sid, s.moving
    end
  elseif s and not s.over then
    alive = alive + 1
    if s.in_transit then moving[#moving + 1], moving[#moving + 2] = sid, s.moving end -- its mover is gone
  end
end
return {alive, #due == 500 and 1 or 0, until_, moving, moves}
