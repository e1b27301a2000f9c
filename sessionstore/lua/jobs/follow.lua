#!lua flags=no-writes
-- Read the events of a group after one that is known, or only where the last one stands.
--
-- KEYS[1] group       {P:B}jg:GROUP  hash
-- KEYS[2] events      {P:B}je:GROUP  stream
-- KEYS[3] parameters  {P:B}p         hash
-- ARGV[1] after  where to begin: - or ( and an event id
-- ARGV[2] page   how many at most; 0: none
-- Derives  {P:B}js:GROUP
-- Returns  {sequence of the last event, jobs that live, 1 if the session has ended and that was told,
--          {id, sequence, job, type, body, why}, ...}
local group = KEYS[1]
local events = KEYS[2]
local parameters = KEYS[3]
local after = ARGV[1]
local page = tonumber(ARGV[2])
local facts = redis.call('HMGET', group, 'n', 'x')
local live = redis.call('ZCARD', string.sub(parameters, 1, -2) .. 'js:' .. string.sub(group, #parameters + 3))
local reply = {tonumber(facts[1] or 0), live, facts[2] and 1 or 0}
for _, entry in ipairs(page > 0 and redis.call('XRANGE', events, after, '+', 'COUNT', page) or {}) do
  local of = {}
  for i = 1, #entry[2], 2 do of[entry[2][i]] = entry[2][i + 1] end
  reply[#reply + 1] = {entry[1], of.n, of.j, of.t, of.b, of.r}
end
return reply
