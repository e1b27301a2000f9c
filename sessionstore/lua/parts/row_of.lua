-- A line of a listing: a job's id, the SID of its session now, its owner, and fields and values in turn. Nil if there
-- is no such job, or none that the user may know of.
--@use may_see
local function row_of(id, user, store)
  local names = {'n', 'q', 'g', 's', 'c', 'd', 'w', 'l', 'a', 'x', 'b', 'u', 'f', 'Z', 'O', 'S', 'v', 'y', 'm', 'e'}
  local values = redis.call('HMGET', store.tag .. 'j:' .. id, unpack(names))
  if not values[1] or not may_see(values[3], user, store) then return nil end
  local of = redis.call('HMGET', store.tag .. 'jg:' .. values[3], 's', 'o')
  local row = {id, of[1] or '', of[2] or ''}
  for at, value in ipairs(names) do
    if values[at] then row[#row + 1], row[#row + 2] = value, values[at] end
  end
  return row
end
