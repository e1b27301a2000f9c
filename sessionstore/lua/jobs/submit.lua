#!lua
-- Submit jobs for a session that lives in this bucket, as its jobs do: all or none. If they are in another, which is
-- where the session was when it had its first one, `submit_away` does it there.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] owner      the owner expected; {any}: whoever
-- ARGV[2] user       the acting user, if not privileged; empty: anybody's sessions are visible
-- ARGV[3] group      the id of a new group, should the session have none
-- ARGV[4] jobs       their ids, one behind the other, at most 100; empty: only the group is asked for
-- ARGV[5...] fields  what each is given; then the fields that all have, names and values in turn, q and n among them
-- Derives  {P:B}j:JID, {P:B}jb:JID, {P:B}jg:GROUP, {P:B}js:GROUP, {P:B}je:GROUP, {P:B}ju:GROUP, {P:B}jo:OWNER,
--          {P:B}jx
-- Returns  {'SUBMITTED', jobs, group, owner for the queue} | {'ELSEWHERE', group} | {'DUPLICATE', job, group, owner}
--          | {'LIMIT', n, 'session' or 'owner'} | 'ABSENT' | {'OVER', reason} | {'MOVING', how}
local session = KEYS[1]
local parameters = KEYS[2]
local owner = ARGV[1]
local user = ARGV[2]
local group = ARGV[3]
local jobs = ARGV[4]
--@use begin
--@use look
--@use visible
--@use add_jobs

local store = begin(parameters)
local s = look(session, store)
if not s or not visible(s, owner, user) then return 'ABSENT' end
if s.in_transit then return {'MOVING', s.moving} end
if s.over then return {'OVER', s.over} end
if not s.jobs then
  -- Sent again, and there is another session of this name by now: this was for the one before it.
  local before = store.tag .. 'jg:' .. group
  if redis.call('EXISTS', before) == 1 then return {'OVER', redis.call('HGET', before, 'e') or 'deleted'} end
  s.jobs = group
  redis.call('HSET', session, 'j', group)
end
if string.sub(s.jobs, 1, 2) ~= string.sub(store.tag, -3, -2) then return {'ELSEWHERE', s.jobs} end
return add_jobs(s.jobs, s.sid, s.owner, '', jobs, ARGV, 5, store)
