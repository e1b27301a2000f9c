#!lua flags=allow-oom
-- Note that a call has ended all sessions of an owner: from now on, they may get other ids again. A copy of one of its
-- pages that arrives later does nothing.
--
-- KEYS[1] ending  {P:B}e:OWNER  hash
-- ARGV[1] ticket  names the call
-- Derives  none
-- Returns  {forgotten}: how many of its fields there were
local ending = KEYS[1]
local ticket = ARGV[1]
local forgotten = 0
for _, name in ipairs(redis.call('HKEYS', ending)) do
  if string.sub(name, 1, 16) == ticket then forgotten = forgotten + redis.call('HDEL', ending, name) end
end
redis.call('HSET', ending, ticket, '0000000000000')
redis.call('PEXPIRE', ending, 60000)
return {forgotten}
