#!lua flags=allow-oom
-- Save what changed and give the session back, in one step: to the first in line, if somebody waits.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] waiters     {P:B}w:SID  list
-- KEYS[3] parameters  {P:B}p      hash
-- ARGV[1] fence       of the opening that ends here
-- ARGV[2] timeout_ms  a new idle time; empty: unchanged
-- ARGV[3] count       how many attributes changed
-- ARGV[4...] changes  names and values in turn, then the names of removed attributes
-- Derives  {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}q, {P:B}g:TICKET, {P:B}v:ID, {P:B}r:ID
-- Returns  'CLOSED' | {'ENDED', what is left to be done elsewhere, ...} | 'GIVEN': by this fence, if it asked before
--          | {'OVER', reason} | 'LOST' | 'FORGOTTEN': lost, unless it has asked before | {'TOOBIG', size, limit}
--          | {'LIMIT', n, 'kept'} | 'UNSTAGED' | {'MOVING', how}
local session = KEYS[1]
local waiters = KEYS[2]
local parameters = KEYS[3]
local fence = tonumber(ARGV[1])
local timeout_ms = tonumber(ARGV[2])
local count = tonumber(ARGV[3])
--@use begin
--@use look
--@use drop_expired
--@use check_changes
--@use write_fields
--@use index_session
--@use hand_over

local store = begin(parameters)
local s = look(session, store)
if not s then return {'OVER', 'timed out'} end
if s.fence ~= fence then
  if s.ended then return {'OVER', s.over} end
  -- Has this fence given it back before, and the answer did not arrive? Not if the fence has lost its lease, or is
  -- newer than all. It may be too old to tell. Or a failover has forgotten it: the caller knows whether it has asked
  -- before.
  local lost = redis.call('HGET', session, 'y') or '0'
  local known = string.find(lost .. ' ', string.format(' %d ', fence), 1, true)
  local floor = math.max(tonumber(string.match(lost, '^%d+')), tonumber(s.created) * 1000 - 1)
  if known or fence > s.fence then return 'LOST' end
  if fence <= floor then return 'FORGOTTEN' end
  return 'GIVEN'
end
if s.lapsed then return 'LOST' end
-- Given back by this fence before; and ended by that close, or of itself since.
if s.ended and (s.over == 'timed out' or s.over == 'evicted' or redis.call('HGET', session, 'k') ~= '') then
  return 'CLOSED'
end
if not s.ended and not s.held and s.mark ~= 'o' then return 'CLOSED' end
if s.over then
  --@use catch_up
  catch_up(s, waiters, store)
  return {'OVER', s.over}
end
-- Until it is decided whether it has moved, nobody else gets it here, and it does not end here.
if s.moving then return {'MOVING', s.moving} end

drop_expired(s, store)
local fields, refusal = check_changes(s, ARGV, 4, count, store)
if not fields then return refusal end

s.activity = store.now
if timeout_ms then
  s.timeout = store.max_timeout and math.min(timeout_ms, store.max_timeout) or timeout_ms
end
if s.pending then
  s.deleter, s.over = string.match(s.pending, '^(%S+) (.*)$')
  --@use end_session
  return {'ENDED', unpack(end_session(s, store))}
end
fields = write_fields(s, fields, ARGV, 4 + 2 * count, store)
fields[#fields + 1], fields[#fields + 2] = 'a', s.activity
if s.timeout ~= s.stored_timeout then fields[#fields + 1], fields[#fields + 2] = 't', s.timeout end
index_session(s, store)
hand_over(s, waiters, store, fields)
return 'CLOSED'
