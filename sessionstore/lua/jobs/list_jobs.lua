#!lua flags=no-writes
-- Read a page of the jobs that an index of a bucket names.
--
-- KEYS[1] index       {P:B}jx or {P:B}jd or {P:B}js:GROUP  zset
-- KEYS[2] parameters  {P:B}p                               hash
-- ARGV[1] user    the acting user, if not privileged; empty: anybody's jobs are visible
-- ARGV[2] cursor  as the last page gave it; 0 at first
-- Derives  {P:B}j:JID, {P:B}jg:GROUP
-- Returns  {cursor, {job, SID of its session now, its owner, fields and values in turn}, ...}
local index = KEYS[1]
local parameters = KEYS[2]
local user = ARGV[1]
local cursor = ARGV[2]
--@use begin
--@use may_see
local store = begin(parameters)
local page = redis.call('ZSCAN', index, cursor, 'COUNT', 50)
local reply = {page[1]}
local names = {'n', 'q', 'g', 's', 'c', 'd', 'w', 'l', 'a', 'x', 'b', 'u', 'f', 'Z', 'O', 'S', 'v', 'y', 'm', 'e'}
for i = 1, #page[2], 2 do
  local id = page[2][i]
  local values = redis.call('HMGET', store.tag .. 'j:' .. id, unpack(names))
  if values[1] and may_see(values[3], user, store) then
    local of = redis.call('HMGET', store.tag .. 'jg:' .. values[3], 's', 'o')
    local row = {id, of[1] or '', of[2] or ''}
    for at, value in ipairs(names) do
      if values[at] then row[#row + 1], row[#row + 2] = value, values[at] end
    end
    reply[#reply + 1] = row
  end
end
return reply
