#!lua
-- Make sure that a session has room for values beside it, before they are written. What was written for it before and
-- has no name yet goes: there is one such call at a time.
--
-- KEYS[1] session     {P:B}s:SID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] fence      of the opening that will write them
-- ARGV[2] wanted     bytes that the session will hold under all the fields that follow, names included
-- ARGV[3] count      how many values
-- ARGV[4...] fields  the ids of the values, then their fields in the same order, then other fields that will be written
--                    or removed along with them
-- Derives  {P:B}r:ID, {P:B}v:ID
-- Returns  'RESERVED' | {'OVER', reason} | 'LOST' | {'TOOBIG', size, limit} | {'LIMIT', n, 'kept'}
local session = KEYS[1]
local parameters = KEYS[2]
local fence = tonumber(ARGV[1])
local wanted = tonumber(ARGV[2])
local count = tonumber(ARGV[3])
--@use begin
--@use look
--@use check_holder
--@use drop_expired
--@use size_of
--@use keys_beside

local store = begin(parameters)
local s = look(session, store)
local refusal = check_holder(s, fence)
if refusal then return refusal end

drop_expired(s, store)
local before, beside = tonumber(s.size), 0
local size = before + wanted
for i = 4 + count, #ARGV do
  local name, new = ARGV[i], i < 4 + 2 * count
  if string.byte(name) == 58 then
    local was = redis.call('HGET', session, name)
    if new and not was then beside = beside + 1 end
    -- It is sent again, and so late that the value has its name.
    if new and was and string.sub(was, 1, 16) == ARGV[i - count] then return 'RESERVED' end
    size = size - size_of(name, was)
  else
    local length = redis.call('HSTRLEN', session, name)
    if length > 0 then size = size - #name - length end
  end
end
if beside > 0 and #keys_beside(s, store) + beside > 500 then return {'LIMIT', 500, 'kept'} end
if store.max_bytes and size > store.max_bytes and size > before then return {'TOOBIG', size, store.max_bytes} end

local ids = table.concat(ARGV, ' ', 4, 3 + count)
for id in string.gmatch(redis.call('HGET', session, 'v') or '', '%S+') do
  if not string.find(ids, id, 1, true) then redis.call('UNLINK', store.tag .. 'v:' .. id, store.tag .. 'r:' .. id) end
end
redis.call('HSET', session, 'v', ids)
return 'RESERVED'
