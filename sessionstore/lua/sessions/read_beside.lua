#!lua flags=no-writes
-- Read a page of a list, or a range of a longstring, that is kept beside a session.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] fence  of the opening that reads
-- ARGV[2] field  that names the value in the session
-- ARGV[3] start  below 0 from the end
-- ARGV[4] count  how many items or bytes
-- Derives  {P:B}v:ID
-- Returns  {'READ', length of all, items or bytes} | {'OVER', reason} | 'LOST'
local session = KEYS[1]
local parameters = KEYS[2]
local fence = tonumber(ARGV[1])
local field = ARGV[2]
local start = tonumber(ARGV[3])
local count = tonumber(ARGV[4])
--@use begin
--@use look
--@use check_holder

local store = begin(parameters)
local s = look(session, store)
local refusal = check_holder(s, fence)
if refusal then return refusal end
local key = store.tag .. 'v:' .. string.sub(redis.call('HGET', session, field) or '', 1, 16)
local list = string.byte(field, 2) == 108 -- an l
local length = list and redis.call('LLEN', key) or not list and redis.call('STRLEN', key)
if start < 0 then start = math.max(0, length + start) end
if count == 0 then return {'READ', length, list and {} or ''} end
if list then return {'READ', length, redis.call('LRANGE', key, start, start + count - 1)} end
return {'READ', length, redis.call('GETRANGE', key, start, start + count - 1)}
