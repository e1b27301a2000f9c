#!lua flags=allow-oom
-- End sessions of an owner, in order, until there is room for one more.
--
-- KEYS[1] owned       {P:B}o:OWNER  zset
-- KEYS[2] parameters  {P:B}p        hash
-- ARGV[1] most  how many the owner may have
-- ARGV[2...] victims  SID, and its last activity when the caller looked, in turn; at most 500 of them
-- Derives  {P:B}s:SID, {P:B}x, {P:B}ev, {P:B}q, {P:B}w:SID, {P:B}g:TICKET, {P:B}v:ID
-- Returns  {sessions that the owner has now}
local owned = KEYS[1]
local parameters = KEYS[2]
local most = tonumber(ARGV[1])
--@use begin
--@use evict_if_idle

local store = begin(parameters)
local size = redis.call('ZCARD', owned)
for i = 2, #ARGV, 2 do
  if size < most then break end
  evict_if_idle(store.tag .. 's:' .. ARGV[i], tonumber(ARGV[i + 1]), store)
  size = redis.call('ZCARD', owned)
end
return {size}
