#!lua flags=allow-oom
-- Set parameters in one bucket.
--
-- KEYS[1] parameters  {P:B}p  hash
-- ARGV[1...] changes  names and values in turn; an empty value means the default
-- Derives  none
-- Returns  {name, value, ...}: all that is set now
local parameters = KEYS[1]
for i = 1, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', parameters, ARGV[i])
  else redis.call('HSET', parameters, ARGV[i], ARGV[i + 1]) end
end
return redis.call('HGETALL', parameters)
