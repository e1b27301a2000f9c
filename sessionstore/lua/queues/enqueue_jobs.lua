#!lua
-- Put jobs in line for the workers. One that is there already keeps its place.
--
-- KEYS[1] limits  {P:q:NAME}p  hash
-- ARGV[1] check     1: a queue that is full refuses
-- ARGV[2...] jobs   for each: its id, with its owner behind; head start and delay in ms; 1: it was there before
-- Derives  {P:q:NAME}r, {P:q:NAME}w:O, {P:q:NAME}d, {P:q:NAME}c, {P:q:NAME}k
-- Returns  'QUEUED' | {'FULL', n}
local limits = KEYS[1]
local check = ARGV[1]
--@use join_ring

local tag, time = string.sub(limits, 1, -2), redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = math.floor(us / 1000)
local most = check == '1' and tonumber(redis.call('HGET', limits, 'max_waiting') or '')
for i = 2, #ARGV, 4 do
  local owner = string.sub(ARGV[i], 26)
  local waiting = tag .. 'w:' .. owner
  if most and redis.call('ZCARD', tag .. 'd') + redis.call('ZCARD', waiting) >= most then return {'FULL', most} end
  if redis.call('ZSCORE', tag .. 'c', ARGV[i]) then
    -- Somebody has taken it. If that was in vain, it is looked at again soon.
  elseif tonumber(ARGV[i + 2]) > 0 then
    redis.call('ZADD', tag .. 'd', 'NX', now + ARGV[i + 2], ARGV[i])
  elseif not redis.call('ZSCORE', tag .. 'd', ARGV[i]) or ARGV[i + 3] == '1' then
    redis.call('ZREM', tag .. 'd', ARGV[i])
    local place = ARGV[i + 3] == '1' and 0 or us + i - ARGV[i + 1] * 1000
    redis.call('ZADD', waiting, 'NX', place, string.sub(ARGV[i], 1, 25))
    redis.call('PEXPIRE', waiting, 604800000)
    join_ring(tag, owner)
  end
end
if redis.call('LLEN', tag .. 'k') < 16 then
  redis.call('RPUSH', tag .. 'k', '')
  redis.call('PEXPIRE', tag .. 'k', 60000)
end
return 'QUEUED'
