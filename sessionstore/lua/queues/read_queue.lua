#!lua flags=no-writes
-- Read the limits of a queue, and how much is in it.
--
-- KEYS[1] limits  {P:q:NAME}p  hash
-- Derives  {P:q:NAME}r, {P:q:NAME}w:O, {P:q:NAME}d, {P:q:NAME}c
-- Returns  {owners whose turn comes, jobs of the first 500 of them that wait, that are for later, that are taken,
--          names and values of limits in turn}
local limits = KEYS[1]
local tag = string.sub(limits, 1, -2)
local waiting = 0
for _, owner in ipairs(redis.call('ZRANGE', tag .. 'r', 0, 499)) do
  waiting = waiting + redis.call('ZCARD', tag .. 'w:' .. owner)
end
local later, taken = redis.call('ZCARD', tag .. 'd'), redis.call('ZCARD', tag .. 'c')
local reply = {redis.call('ZCARD', tag .. 'r'), waiting, later, taken}
for _, name in ipairs({'max_waiting', 'max_running', 'max_running_per_owner', 'rate', 'paused'}) do
  local value = redis.call('HGET', limits, name)
  if value then reply[#reply + 1], reply[#reply + 2] = name, value end
end
return reply
