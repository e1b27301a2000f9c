#!lua
-- Write one piece of a value that a session will name later, to have it beside it. Until then the value is nobody's,
-- and expires half a minute after its last piece. It gets a receipt with the last piece.
--
-- KEYS[1] claim       {P:B}s:SID or {P:B}m:TICKET  any
-- KEYS[2] parameters  {P:B}p  hash
-- KEYS[3...] values   {P:B}v:ID  any
-- ARGV[1] fence      of the opening that has reserved it in its session; empty: it is for a session on its way
--                    here, until that is decided
-- ARGV[2] offset     how many items or bytes are there already
-- ARGV[3] listed     1: items of a list; 0: bytes
-- ARGV[4] last       1: nothing follows
-- ARGV[5...] pieces  items, at most 500, or the bytes
-- Derives  {P:B}r:ID
-- Returns  'STAGED' | {'OVER', reason} | 'LOST'
--          | 'UNSTAGED': what came before is gone, or another call has its place
local claim = KEYS[1]
local parameters = KEYS[2]
local fence = ARGV[1]
local offset = tonumber(ARGV[2])
local listed = ARGV[3]
local last = ARGV[4]
--@use begin
--@use check_holder
--@use look

local store = begin(parameters)
local value = KEYS[3] -- the others belong to the same call, and are whole
local id = string.sub(value, -16)
if fence == '' then
  if redis.call('EXISTS', claim) == 1 then return 'UNSTAGED' end
else
  local refusal = check_holder(look(claim, store), tonumber(fence))
  if refusal then return refusal end
  if not string.find(redis.call('HGET', claim, 'v') or '', id, 1, true) then return 'UNSTAGED' end
end
for i = 4, #KEYS do
  redis.call('PEXPIRE', KEYS[i], 30000)
  redis.call('PEXPIRE', store.tag .. 'r:' .. string.sub(KEYS[i], -16), 30000)
end

-- A piece that is sent again after a lost reply is there.
local length = redis.call(listed == '1' and 'LLEN' or 'STRLEN', value)
if length < offset then return 'UNSTAGED' end
if length == offset and listed == '1' then redis.call('RPUSH', value, unpack(ARGV, 5))
elseif length == offset then redis.call('SETRANGE', value, offset, ARGV[5]) end
redis.call('PEXPIRE', value, 30000)
if last == '1' then redis.call('SET', store.tag .. 'r:' .. id, '', 'PX', 30000) end
return 'STAGED'
