#!lua
-- Write one piece of a value that is to be kept beside a session later; until a session names it, it is nobody's.
--
-- KEYS[1] value  {P:B}v:ID  any
-- ARGV[1] offset     how many items or bytes are there already; sent again, a piece is written once
-- ARGV[2] listed     1: items of a list; 0: bytes
-- ARGV[3...] pieces  items, or the bytes
-- Derives  none
-- Returns  {'STAGED'}
local value = KEYS[1]
local offset = tonumber(ARGV[1])
local listed = ARGV[2]
if listed == '0' then redis.call('SETRANGE', value, offset, ARGV[3])
elseif redis.call('LLEN', value) == offset then redis.call('RPUSH', value, unpack(ARGV, 3)) end
redis.call('PEXPIRE', value, 600000)
return {'STAGED'}
