#!lua flags=allow-oom
-- End the sessions of a bucket that are due and over; the others get the score they should have.
--
-- KEYS[1] index       {P:B}x   zset
-- KEYS[2] noted       {P:B}q   set
-- KEYS[3] parameters  {P:B}p   hash
-- ARGV[1] page       how many to look at, at most 500
-- ARGV[2] timed_out  1: also those that have timed out, and that the store keeps until a sweep
-- ARGV[3] cursor     as the last page gave it; empty at first
-- Derives  {P:B}s:SID, {P:B}o:OWNER, {P:B}w:SID, {P:B}ev, {P:B}g:TICKET, {P:B}v:ID
-- Returns  {ended, cursor, {moving sid, how, ...}, {what ends have left to be done elsewhere, ...}, version of the
--          parameters}; the cursor is empty on the last page
local index = KEYS[1]
local noted = KEYS[2]
local parameters = KEYS[3]
local page = tonumber(ARGV[1])
local timed_out = ARGV[2]
local cursor = ARGV[3]
--@use begin
--@use due_page
--@use look
--@use end_session

local store = begin(parameters)
store.ends_kept = timed_out == '1'
local due, next_cursor = due_page(index, cursor, page, store)
local ended, moving, over = 0, {}, {}
for _, sid in ipairs(due) do
  local s = look(store.tag .. 's:' .. sid, store)
  if not s then
    --@use end_missing
    end_missing(sid, nil, store)
    ended = ended + 1
  elseif s.in_transit then
    moving[#moving + 1], moving[#moving + 2] = sid, s.moving
  elseif s.over then
    if s.lapsed then
      --@use note_lapse
      note_lapse(s, store)
    end
    s.unlisted = true
    if not s.ended then end_session(s, store) end
    over[#over + 1] = sid
  else
    --@use catch_up
    catch_up(s, store.tag .. 'w:' .. sid, store)
    if s.over then over[#over + 1] = sid
    else
      -- A grant that nobody takes up counts as nothing at its end.
      local early = s.pending or s.moving or s.held and s.mark == 'g'
      redis.call('ZADD', index, early and s.lease_end or s.deadline, sid)
    end
  end
end
if #over > 0 then redis.call('ZREM', index, unpack(over)) end
return {ended + #over, next_cursor, moving, redis.call('SRANDMEMBER', noted, 500),
  redis.call('HGET', parameters, 'version') or '0'}
