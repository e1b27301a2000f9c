#!lua flags=no-writes
-- Compare the index of a bucket with its sessions: a page of the index, and sessions found otherwise.
--
-- KEYS[1] index       {P:B}x  zset
-- KEYS[2] parameters  {P:B}p  hash
-- ARGV[1] cursor   of the page, 0 at first; empty: no page
-- ARGV[2...] sids  of sessions to look up in the index
-- Derives  {P:B}s:SID, {P:B}o:OWNER
-- Returns  {cursor, looked_at, due, {sid, fault, ...}}; a fault is `gone` (in the index, and there is no such session),
--          `unlisted` (not in the index) or `unowned` (not in the index of its owner)
local index = KEYS[1]
local parameters = KEYS[2]
local cursor = ARGV[1]
--@use begin
--@use look

local store = begin(parameters)
local looked_at, due, faults = 0, 0, {}

local function check(sid)
  local s = look(store.tag .. 's:' .. sid, store)
  local score = tonumber(redis.call('ZSCORE', index, sid) or '')
  local fault
  looked_at = looked_at + 1
  if not s or s.ended then
    -- A session that nobody looked at may expire before it is swept. That is in order. A tombstone is in no index.
    if score and (score > store.now or s) then fault = 'gone' end
    if score and not fault then due = due + 1 end
  elseif s.moving then return -- it is in neither or both, until it has arrived
  elseif not score then fault = 'unlisted'
  elseif s.owner ~= '' and not redis.call('ZSCORE', store.tag .. 'o:' .. s.owner, sid) then fault = 'unowned'
  elseif s.over then due = due + 1 end
  if fault then faults[#faults + 1], faults[#faults + 2] = sid, fault end
end

if cursor ~= '' then
  local page = redis.call('ZSCAN', index, cursor, 'COUNT', 100)
  cursor = page[1]
  for i = 1, #page[2], 2 do check(page[2][i]) end
end
for i = 2, #ARGV do check(ARGV[i]) end
return {cursor, looked_at, due, faults}
