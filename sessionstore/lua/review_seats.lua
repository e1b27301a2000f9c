#!lua flags=allow-oom
-- Enter what a look at their sessions told about seats, unless a seat was taken anew since.
--
-- KEYS[1] seats  {P:seat:POOL}   zset
-- KEYS[2] fresh  {P:seat:POOL}r  zset
-- ARGV[1...] findings  sid, activity as known before the look, and as found (empty: free the seat), in turn
-- Derives  none
-- Returns  {freed}
local seats = KEYS[1]
local fresh = KEYS[2]
local freed = 0
for i = 1, #ARGV, 3 do
  local sid, known, found = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  if tonumber(redis.call('ZSCORE', seats, sid) or '') == known then
    redis.call('ZREM', fresh, sid)
    if found == '' then freed = freed + redis.call('ZREM', seats, sid)
    else redis.call('ZADD', seats, found, sid) end
  end
end
return {freed}
