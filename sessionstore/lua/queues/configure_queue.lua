#!lua
-- Set limits of a queue, or take them away, and let a worker look whether it may take more now.
--
-- KEYS[1] limits  {P:q:NAME}p  hash
-- ARGV[1...] changes  names and values in turn; an empty value takes a limit away
-- Derives  {P:q:NAME}k
-- Returns  'CONFIGURED'
local limits = KEYS[1]
for i = 1, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', limits, ARGV[i])
  else redis.call('HSET', limits, ARGV[i], ARGV[i + 1]) end
  if ARGV[i] == 'rate' then redis.call('HDEL', limits, 'left', 'at') end
end
local wake = string.sub(limits, 1, -2) .. 'k'
redis.call('RPUSH', wake, '')
redis.call('LTRIM', wake, -16, -1)
redis.call('PEXPIRE', wake, 60000)
return 'CONFIGURED'
