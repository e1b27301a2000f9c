#!lua
-- Write bytes over those of a longstring that is kept beside a session, or behind them; it is made if there is none.
--
-- KEYS[1] session     {P:B}s:SID     hash
-- KEYS[2] parameters  {P:B}p         hash
-- KEYS[3] receipt     {P:B}r:TICKET  string
-- ARGV[1] fence  of the opening that does it
-- ARGV[2] field  that names the longstring in the session
-- ARGV[3] id     names the longstring if it is new
-- ARGV[4] start  of the bytes written over; what is in between becomes zeros; empty: behind the last;
--                *: all that are there go
-- ARGV[5] ahead  how many bytes the same caller will write behind these
-- ARGV[6] bytes  to be written
-- Derives  {P:B}v:ID
-- Returns  {'DONE', size, field's value} | {'OVER', reason} | 'LOST' | {'TOOBIG', size, limit} | {'LIMIT', n, 'kept'}
local session = KEYS[1]
local parameters = KEYS[2]
local receipt = KEYS[3]
local fence = tonumber(ARGV[1])
local field = ARGV[2]
local id = ARGV[3]
local start = ARGV[4]
local ahead = tonumber(ARGV[5])
local bytes = ARGV[6]
--@use begin
--@use look
--@use check_holder
--@use drop_expired
--@use charge

local store = begin(parameters)
local value = redis.call('HGET', session, field) or id .. '0'
local text = store.tag .. 'v:' .. string.sub(value, 1, 16)
local size = redis.call('STRLEN', text)
-- It is sent again after a lost reply: it is done.
if redis.call('EXISTS', receipt) == 1 then return {'DONE', size, value} end
local s = look(session, store)
local refusal = check_holder(s, fence)
if refusal then return refusal end

drop_expired(s, store)
local at, grown = tonumber(start) or size, nil
if start == '*' then at, grown = 0, #bytes - tonumber(string.sub(value, 17)) end
if bytes == '' then at = math.min(at, size) end
local last = at + #bytes + ahead
if last > 536870912 then return {'TOOBIG', last, 536870912} end -- no key holds more
local entry
entry, refusal = charge(s, field, value, grown or math.max(0, at + #bytes - size), ahead, store)
if refusal then return refusal end

if start == '*' then redis.call('UNLINK', text) end
redis.call('SETRANGE', text, at, bytes) -- first: a server may be told to let keys hold less
redis.call('HSET', session, unpack(entry))
redis.call('PEXPIREAT', text, redis.call('PEXPIRETIME', session))
redis.call('SET', receipt, '', 'PX', 60000)
return {'DONE', redis.call('STRLEN', text), redis.call('HGET', session, field)}
