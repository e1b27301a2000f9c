#!lua
-- Put items in place of others in a list that is kept beside a session; the list is made if there is none.
--
-- KEYS[1] session     {P:B}s:SID     hash
-- KEYS[2] parameters  {P:B}p         hash
-- KEYS[3] receipt     {P:B}r:TICKET  string
-- ARGV[1] fence     of the opening that does it
-- ARGV[2] field     that names the list in the session
-- ARGV[3] id        names the list if it is new
-- ARGV[4] start     where the old items begin, below 0 from the end; empty: all goes behind the last
-- ARGV[5] count     how many old items go, at most 500; *: all there are
-- ARGV[6] cap       so many items stay, the last ones; at most 500 go at a time; empty: all stay
-- ARGV[7] ahead     how many bytes of items the same caller will put behind these
-- ARGV[8...] items  at most 500
-- Derives  {P:B}v:ID
-- Returns  {'DONE', length, field's value} | {'OVER', reason} | 'LOST' | {'TOOBIG', size, limit}
--          | {'LIMIT', n, 'kept'}
local session = KEYS[1]
local parameters = KEYS[2]
local receipt = KEYS[3]
local fence = tonumber(ARGV[1])
local field = ARGV[2]
local id = ARGV[3]
local start = tonumber(ARGV[4])
local count = ARGV[5]
local cap = tonumber(ARGV[6])
local ahead = tonumber(ARGV[7])
--@use begin
--@use look
--@use check_holder
--@use drop_expired
--@use charge

local store = begin(parameters)
local value = redis.call('HGET', session, field) or id .. '0'
local list = store.tag .. 'v:' .. string.sub(value, 1, 16)
local length = redis.call('LLEN', list)
-- It is sent again after a lost reply: it is done.
if redis.call('EXISTS', receipt) == 1 then return {'DONE', length, value} end
local s = look(session, store)
local refusal = check_holder(s, fence)
if refusal then return refusal end

drop_expired(s, store)
local items = {unpack(ARGV, 8)}
local known, all = tonumber(string.sub(value, 17)), count == '*'
if all then length = 0 end
if start and start < 0 then start = math.max(0, length + start) end
local first = math.min(start or length, length)
local old = not all and count ~= '0' and redis.call('LRANGE', list, first, first + count - 1) or {}
local excess = cap and math.min(500, length, math.max(0, length + #items - #old - cap)) or 0
local grown = all and -known or 0
for _, item in ipairs(items) do grown = grown + #item end
for _, item in ipairs(old) do grown = grown - #item end
for _, item in ipairs(excess > 0 and redis.call('LRANGE', list, 0, excess - 1) or {}) do grown = grown - #item end
local entry
entry, refusal = charge(s, field, value, grown, ahead, store)
if refusal then return refusal end

redis.call('HSET', session, unpack(entry))
if all then redis.call('UNLINK', list) end
for i = 1, math.min(#items, #old) do redis.call('LSET', list, first + i - 1, items[i]) end
local after, mark = first + math.min(#items, #old), '\193' .. id -- no item begins with this byte
if #items > #old then
  if after == length then
    redis.call('RPUSH', list, unpack(items, #old + 1))
  else
    local follower = redis.call('LINDEX', list, after)
    redis.call('LSET', list, after, mark)
    for i = #old + 1, #items do redis.call('LINSERT', list, 'BEFORE', mark, items[i]) end
    redis.call('LSET', list, after + #items - #old, follower)
  end
elseif #old > #items then
  if after == 0 then
    redis.call('LTRIM', list, #old, -1)
  elseif first + #old == length then
    redis.call('LTRIM', list, 0, after - 1)
  else
    for i = after, first + #old - 1 do redis.call('LSET', list, i, mark) end
    redis.call('LREM', list, #old - #items, mark)
  end
end
if excess > 0 then redis.call('LTRIM', list, excess, -1) end
redis.call('PEXPIREAT', list, redis.call('PEXPIRETIME', session))
redis.call('SET', receipt, '', 'PX', 60000)
return {'DONE', redis.call('LLEN', list), redis.call('HGET', session, field)}
