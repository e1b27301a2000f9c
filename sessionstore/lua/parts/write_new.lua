-- Write a new session over what was there `before`, if anything, and put it into the indexes. `holder` and `moving` are
-- two of its fields. `seat` begins with the ticket of its seat. From `first` on, `given` holds its attributes, names
-- and values in turn.
--@use check_changes
--@use write_fields
--@use index_session
local function write_new(s, before, holder, moving, seat, given, first, store)
  if store.max_timeout and s.timeout > store.max_timeout then s.timeout = store.max_timeout end
  s.fence = before and math.max(before.fence + 1, store.us, s.created * 1000) or store.us
  s.activity, s.stored_activity, s.size, s.is_new = store.now, store.now, 0, true

  local facts = {o = s.owner, s = string.match(seat, '^%S*'), l = s.ends or '', m = moving}
  if before then
    -- A delete of the earlier session of this name may be sent again. It must not end this one.
    facts.k = redis.call('HGET', s.session, 'k') or ''
    redis.call('DEL', s.session)
  end
  -- Fences up to that of the earlier session are unknown here: none of them may write, and none of them has closed.
  if before or moving ~= '' then facts.y = s.fence - 1 end
  local fields = check_changes(s, given, first, (#given - first + 1) / 2, store)
  fields = write_fields(s, fields, given, #given + 1, store)
  for name, value in pairs(facts) do
    if value ~= '' then fields[#fields + 1], fields[#fields + 2] = name, value end
  end
  redis.call('HSET', s.session, 'f', s.fence, 't', s.timeout, 'c', s.created, 'a', store.now, 'h', holder,
    unpack(fields))
  if index_session(s, store, true) == 0 and not before then
    --@use note_missing
    note_missing(s.sid, s.owner, store) -- an earlier one of this name has expired here unseen
  end
end
