-- Make sure that a session can be made where `before` was, if anything. Answers nil, or the refusal.
-- If it is `counted`, the owner has it already, at another home. `seat` is the ticket of a seat and what the demand
-- for it said, or empty. From `first` on, `given` holds its attributes, names and values in turn.
--@use note_lapse
--@use end_session
--@use size_of
--@use make_room
--@use parameter
local function clear_for_create(before, owner, counted, seat, given, first, store)
  if before and before.in_transit then return {'MOVING', before.moving} end
  if before and not before.over then return 'EXISTS' end
  if before and not before.ended then
    if before.lapsed then note_lapse(before, store) end
    end_session(before, store)
  end

  local size = 0
  for i = first, #given, 2 do
    local value = given[i + 1]
    size = size + size_of(given[i], value)
    if string.byte(given[i]) == 58 and string.sub(value, 17) ~= '0'
      and redis.call('EXISTS', store.tag .. 'r:' .. string.sub(value, 1, 16)) == 0 then return 'UNSTAGED' end
  end
  if store.max_bytes and size > store.max_bytes then return {'TOOBIG', size, store.max_bytes} end
  local refusal = not counted and make_room(owner, store)
  if refusal then return refusal end

  local pool = owner == '*' and 'public' or 'private'
  local since = parameter(store, 'seats_' .. pool)
  if not since then return nil end
  -- A seat may have been freed since it was taken. Then it was denied here before that, and the denial stays for an
  -- hour. So a seat that was asked for half an hour ago is too old to tell.
  local ticket, of, asked = string.match(seat, '^(%S+) (%d+) (%d+)$')
  if not ticket or tonumber(of) < since or store.now - asked > 1800000
    or redis.call('EXISTS', store.tag .. 'm:' .. ticket) == 1 then
    return {'SEAT', pool, parameter(store, 'at_limit') == 'evict' and 1 or 0, string.format('%d %d', since, store.now)}
  end
  return nil
end
