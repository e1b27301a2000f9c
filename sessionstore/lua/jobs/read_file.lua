#!lua flags=no-writes
-- Read a piece of a file of a job.
--
-- KEYS[1] job         {P:B}j:JID   hash
-- KEYS[2] files       {P:B}jb:JID  hash
-- KEYS[3] parameters  {P:B}p       hash
-- ARGV[1] user  the acting user, if not privileged; empty: anybody's jobs are visible
-- ARGV[2] name  of the file
-- ARGV[3] at    which piece, from 0
-- Derives  {P:B}jg:GROUP
-- Returns  {its number and bytes, as the job's hash has them, the piece or empty} | 'NO FILE' | 'ABSENT'
local job = KEYS[1]
local files = KEYS[2]
local parameters = KEYS[3]
local user = ARGV[1]
local name = ARGV[2]
local at = tonumber(ARGV[3])
--@use may_see
local found = redis.call('HMGET', job, 'g', '*' .. name)
if not found[1] or not may_see(found[1], user, {tag = string.sub(parameters, 1, -2)}) then return 'ABSENT' end
if not found[2] then return 'NO FILE' end
local piece = string.format('%s:%d', string.match(found[2], '^%d+'), at)
return {found[2], redis.call('HGET', files, piece) or ''}
