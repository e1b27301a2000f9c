-- Make sure that a session can be made where `before` was, if anything: answers nil, or the refusal.
-- `leaving` is how many sessions of the owner are about to leave. From `first` on, `given` holds its attributes, names and values in turn.
local function vacate(before, owner, leaving, seat, given, first, store)
  if before and before.moving and not before.held and not before.ended then return {'MOVING', before.moving} end
  if before and not before.over then return {'EXISTS'} end
  if before and not before.ended then
    if before.lapsed then lapse(before, store) end
    finish(before, store)
  end

  local size = 0
  for i = first, #given, 2 do
    local value = given[i + 1]
    size = size + weight(given[i], value)
    if string.byte(given[i]) == 58 and string.sub(value, 17) ~= '0'
      and redis.call('EXISTS', store.tag .. 'r:' .. string.sub(value, 1, 16)) == 0 then return {'UNSTAGED'} end
  end
  if store.max_bytes and size > store.max_bytes then return {'TOOBIG', size, store.max_bytes} end
  if not make_room(owner, leaving, store) then return {'LIMIT', store.max_per_owner} end
  local pool = owner == '*' and 'public' or 'private'
  if seat == '' and store['seats_' .. pool] then return {'SEAT', pool, store.at_limit == 'evict' and 1 or 0} end
  return nil
end
