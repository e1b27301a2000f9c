#!lua flags=allow-oom
-- Bring one page of a bucket's sessions to parameters that have changed: under a lowered max_timeout, by which some end
-- here, and with keys that stay for as long as they have to now.
--
-- KEYS[1] index       {P:B}x  zset
-- KEYS[2] parameters  {P:B}p  hash
-- ARGV[1] cursor  as the last page gave it; 0 at first
-- Derives  {P:B}s:SID, {P:B}o:OWNER, {P:B}w:SID, {P:B}ev, {P:B}q, {P:B}g:TICKET, {P:B}v:ID
-- Returns  {cursor}
local index = KEYS[1]
local parameters = KEYS[2]
local cursor = ARGV[1]
--@use begin
--@use look
--@use catch_up
--@use index_session

local store = begin(parameters)
local page = redis.call('ZSCAN', index, cursor, 'COUNT', 100)
for i = 1, #page[2], 2 do
  local s = look(store.tag .. 's:' .. page[2][i], store)
  -- A session on its way here gets its place when it has arrived. One that is about to go does not end before that.
  if s and not s.ended and string.sub(s.moving or '', 1, 1) ~= '<' then
    if not s.moving then catch_up(s, store.tag .. 'w:' .. s.sid, store) end
    if s.moving or not s.over then
      index_session(s, store, true)
      if s.timeout ~= s.stored_timeout then redis.call('HSET', s.session, 't', s.timeout) end
    end
  end
end
return {page[1]}
