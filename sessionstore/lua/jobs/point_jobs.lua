#!lua flags=allow-oom
-- Note where the session of a group is from now on. A move does so before the old home is given up.
--
-- KEYS[1] group  {P:B}jg:GROUP  hash
-- ARGV[1] sid    of the session at its new home
-- ARGV[2] owner  of the session there; empty: it is nobody's, or not known yet
-- ARGV[3] away   1: that is in another bucket
-- Derives  none
-- Returns  'POINTED' | 'ABSENT'
local group = KEYS[1]
local sid = ARGV[1]
local owner = ARGV[2]
local away = ARGV[3]
if redis.call('EXISTS', group) == 0 then return 'ABSENT' end
redis.call('HSET', group, 's', sid)
if owner ~= '' then redis.call('HSET', group, 'o', owner) end
if away == '1' then redis.call('HSET', group, 'a', 1) else redis.call('HDEL', group, 'a') end
return 'POINTED'
