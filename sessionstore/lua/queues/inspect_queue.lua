#!lua flags=no-writes
-- Which of some jobs that wait have no place in line, and what was taken long ago and not heard of since.
--
-- KEYS[1] limits  {P:q:NAME}p  hash
-- ARGV[1] slack_ms  so late may be what is seen to by workers
-- ARGV[2...] jobs   each an id with its owner behind
-- Derives  {P:q:NAME}w:O, {P:q:NAME}d, {P:q:NAME}c
-- Returns  {how many were taken and not heard of, job without a place, ...}
local limits = KEYS[1]
local slack_ms = tonumber(ARGV[1])
local tag, time = string.sub(limits, 1, -2), redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = {redis.call('ZCOUNT', tag .. 'c', '-inf', now - slack_ms)}
for i = 2, #ARGV do
  local id, owner = string.sub(ARGV[i], 1, 25), string.sub(ARGV[i], 26)
  local place = redis.call('ZSCORE', tag .. 'w:' .. owner, id) or redis.call('ZSCORE', tag .. 'd', ARGV[i])
    or redis.call('ZSCORE', tag .. 'c', ARGV[i])
  if not place then reply[#reply + 1] = id end
end
return reply
