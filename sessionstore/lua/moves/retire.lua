#!lua flags=allow-oom
-- End the old home of a session that has arrived at its new one.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] ticket  names the move
-- ARGV[2] fence   of the opening that moves it; empty: another process completes the move, once the lease is over
-- ARGV[3] target  the SID of the new home
-- ARGV[4] told    1: its jobs know of the new home
-- Derives  {P:B}s:SID, {P:B}r:TICKET, {P:B}l, {P:B}x, {P:B}o:OWNER, {P:B}e:OWNER, {P:B}ev, {P:B}q, {P:B}w:SID,
--          {P:B}g:TICKET, {P:B}v:ID
-- Returns  {'RETIRED', reason to delete it at its new home or empty, seat that is free or empty, jobs, noted}
--          | 'HELD' | {'JOBS', group}: nothing is done before they know;
--          jobs: their group, or empty; or `!`: it had ended before, and that is told;
--          noted: 1 if it has left so lately that its coming must be noted, too
local session = KEYS[1]
local parameters = KEYS[2]
local ticket = ARGV[1]
local fence = tonumber(ARGV[2])
local target = ARGV[3]
local told = ARGV[4]
--@use begin
--@use look
--@use end_session
--@use note_move

local store = begin(parameters)
local s = look(session, store)
local here = s and not s.ended and string.match(s.moving or '', '^> (%S+)') == ticket
if here and s.held and s.fence ~= fence then return 'HELD' end
if here and s.jobs and told ~= '1' then return {'JOBS', s.jobs} end
local receipt = store.tag .. 'r:' .. ticket
if not here then
  local gone = redis.call('ZSCORE', store.tag .. 'l', '> ' .. ticket .. ' ' .. target)
  local noted = gone and store.now - gone < 15000 and '1' or ''
  local jobs, reason = string.match(redis.call('GET', receipt) or '', '^(%S*) (.*)$')
  return {'RETIRED', reason or '', '', jobs or '', noted}
end

local pending = s.pending or s.deleter
local reason = s.pending and string.match(s.pending, '^%S+ (.*)$') or s.deleter and s.over or ''
if s.owner ~= '' then
  -- If the owner stays the same, its place goes to its new home.
  local there = redis.call('HMGET', store.tag .. 's:' .. target, 'o', 'm')
  if there[1] == s.owner and string.match(there[2] or '', '^< (%S+)') == ticket then
    redis.call('ZADD', store.tag .. 'o:' .. s.owner, store.now, target)
    -- It may have left the pages of an end_all that were to come, for one that was read before.
    --@use ending_of
    local call, why = ending_of(s.owner, s.sid, target, store)
    if call and not pending then pending, reason = call, why end
  end
end
-- If it ends as it comes there, it is alive nowhere from now on, and nobody need look for it.
if not pending then note_move(s.moving, store) end
s.over, s.kind, s.deleter = 'moved', 'moved', ticket
local seat = end_session(s, store)[1] or ''
-- Whoever completes the move must learn of these, and be it a day later (see decide), whoever has the name by then.
if pending or s.jobs then redis.call('SET', receipt, (s.jobs or '') .. ' ' .. reason, 'PX', 86400000) end
return {'RETIRED', reason, seat, s.jobs or '', pending and '' or '1'}
