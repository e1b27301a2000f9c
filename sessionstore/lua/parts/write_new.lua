-- Write a new session over what was there `before`, if anything, and put it into the indexes. `holder` and `moving` are
-- two of its fields. `seat` begins with the ticket of its seat. From `first` on, `given` holds its attributes, names
-- and values in turn.
--@use check_changes
--@use write_fields
--@use index_session
local function write_new(s, before, holder, moving, seat, given, first, store)
  if store.max_timeout and s.timeout > store.max_timeout then s.timeout = store.max_timeout end
  s.fence = before and math.max(before.fence + 1, store.us, s.created * 1000) or store.us
  s.activity, s.stored_activity, s.size = store.now, store.now, 0

  -- A delete of the earlier session of this name may be sent again. It must not end this one.
  local deleter = before and redis.call('HGET', s.session, 'k')
  redis.call('DEL', s.session)
  redis.call('HSET', s.session, 'f', string.format('%.0f', s.fence), 't', s.timeout, 'c', s.created,
    'a', store.now, 'h', holder)
  local facts = {o = s.owner, s = string.match(seat, '^%S*'), l = s.ends or '', m = moving, k = deleter or ''}
  -- Fences up to that of the earlier session are unknown here: none of them may write, and none of them has closed.
  if before or moving ~= '' then facts.y = string.format('%.0f', s.fence - 1) end
  for name, value in pairs(facts) do
    if value ~= '' then redis.call('HSET', s.session, name, value) end
  end
  local fields = check_changes(s, given, first, (#given - first + 1) / 2, store)
  fields = write_fields(s, fields, given, #given + 1, store)
  if #fields > 0 then redis.call('HSET', s.session, unpack(fields)) end
  index_session(s, store, true)
end
