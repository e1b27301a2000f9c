#!lua
-- Write a piece of a file of a job, before it is named by the submit of that job or by a report of it. What is not
-- named within a minute after its last piece is gone, unless the job has other files.
--
-- KEYS[1] files  {P:B}jb:JID  hash
-- ARGV[1] number  of the file
-- ARGV[2] at      which piece it is, from 0
-- ARGV[3] piece   its bytes
-- ARGV[4] most    how many pieces all files of the job may have
-- Derives  none
-- Returns  'STAGED' | 'LOST': the piece before is not there any more | 'FULL'
local files = KEYS[1]
local number = ARGV[1]
local at = tonumber(ARGV[2])
local piece = ARGV[3]
local most = tonumber(ARGV[4])
local name = string.format('%s:%d', number, at)
if at > 0 and redis.call('HEXISTS', files, string.format('%s:%d', number, at - 1)) == 0 then return 'LOST' end
if redis.call('HLEN', files) >= most and redis.call('HEXISTS', files, name) == 0 then return 'FULL' end
local time = redis.call('TIME')
redis.call('HSET', files, name, piece)
if redis.call('PEXPIRETIME', files) < time[1] * 1000 + 60000 then redis.call('PEXPIRE', files, 60000) end
return 'STAGED'
