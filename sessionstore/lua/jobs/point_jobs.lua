#!lua flags=allow-oom
-- Note where the session of a group is from now on; a move does so before the old home is given up. One that comes
-- late, when the session is somewhere else already, changes nothing.
--
-- KEYS[1] group  {P:B}jg:GROUP  hash
-- ARGV[1] source  the SID of the old home
-- ARGV[2] target  the SID of the new one
-- ARGV[3] away    1: that is in another bucket than the group
-- ARGV[4] owner   of the session there; empty: it is nobody's, or not known yet
-- Derives  none
-- Returns  'POINTED' | 'ELSEWHERE'
local group = KEYS[1]
local source = ARGV[1]
local target = ARGV[2]
local away = ARGV[3]
local owner = ARGV[4]
local at = redis.call('HGET', group, 's')
if not at or at ~= source and at ~= target then return 'ELSEWHERE' end
redis.call('HSET', group, 's', target)
if owner ~= '' then redis.call('HSET', group, 'o', owner) end
if away == '1' then redis.call('HSET', group, 'a', 1) else redis.call('HDEL', group, 'a') end
return 'POINTED'
