#!lua flags=allow-oom
-- Remove values that were written for a call which came to nothing, unless they have their names by now. A piece that
-- is still on the way, or the save that would name them, finds them gone.
--
-- KEYS[1] session    {P:B}s:SID  hash
-- KEYS[2...] values  {P:B}v:ID  any
-- ARGV[1...] fields  that were to name them, in the same order
-- Derives  {P:B}r:ID
-- Returns  {removed}: how many there were
local session = KEYS[1]
local reserved = redis.call('HGET', session, 'v') or ''
local removed = 0
for i = 1, #ARGV do
  local value = KEYS[i + 1]
  local id = string.sub(value, -16)
  if string.sub(redis.call('HGET', session, ARGV[i]) or '', 1, 16) ~= id then
    removed = removed + redis.call('UNLINK', value, string.sub(value, 1, -19) .. 'r:' .. id)
    if string.find(reserved, id, 1, true) then redis.call('HDEL', session, 'v') end
  end
end
return {removed}
