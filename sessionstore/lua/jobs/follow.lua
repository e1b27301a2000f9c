#!lua flags=no-writes
-- Read the events of a group after one that is known, or only where the last one stands.
--
-- KEYS[1] group       {P:B}jg:GROUP  hash
-- KEYS[2] events      {P:B}je:GROUP  stream
-- KEYS[3] parameters  {P:B}p         hash
-- ARGV[1] after  where to begin: - or ( and an event id; $: with the last one
-- ARGV[2] page   how many at most; 0: none
-- ARGV[3] user   the acting user, if not privileged; empty: anybody's jobs are visible
-- Derives  {P:B}js:GROUP, {P:B}s:SID
-- Returns  {sequence of the last event, jobs that live, why the session has ended, if that was told, alive or what is
--          to be seen to: ended, and why, or away, and its SID, {id, sequence, job, type, body, why}, ...} | 'ABSENT'
local group = KEYS[1]
local events = KEYS[2]
local parameters = KEYS[3]
local after = ARGV[1]
local page = tonumber(ARGV[2])
local user = ARGV[3]
--@use may_see
local tag = string.sub(parameters, 1, -2)
local id = string.sub(group, #tag + 4)
if not may_see(id, user, {tag = tag}) then return 'ABSENT' end
local facts = redis.call('HMGET', group, 'n', 'x', 'e', 's')
local found = {}
if after == '$' then found = redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)
elseif page > 0 then found = redis.call('XRANGE', events, after, '+', 'COUNT', page) end
local how, what = 'alive', ''
if #found == 0 and facts[4] and not facts[2] then
  --@use begin
  --@use find_group
  how, what = find_group(id, begin(parameters))
end
local over = facts[2] and facts[3] or ''
local reply = {tonumber(facts[1] or 0), redis.call('ZCARD', tag .. 'js:' .. id), over, how, what or ''}
for _, entry in ipairs(found) do
  local of = {}
  for i = 1, #entry[2], 2 do of[entry[2][i]] = entry[2][i + 1] end
  reply[#reply + 1] = {entry[1], of.n, of.j, of.t, of.b, of.r}
end
return reply
