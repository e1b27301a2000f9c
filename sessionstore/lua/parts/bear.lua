-- Write a new session over what was there before, and put it into the indexes; `h` and `m` are its first fields,
-- `seat` begins with the ticket of its seat.
--@use changed
--@use write
--@use place
local function bear(s, before, h, m, seat, given, first, store)
  if store.max_timeout and s.timeout > store.max_timeout then s.timeout = store.max_timeout end
  s.fence = before and math.max(before.fence + 1, store.us, s.created * 1000) or store.us
  s.activity, s.stored_activity, s.size = store.now, store.now, 0

  -- A delete of the earlier session of this name that is sent again must not end this one.
  local deleter = before and redis.call('HGET', s.session, 'k')
  redis.call('DEL', s.session)
  redis.call('HSET', s.session, 'f', string.format('%.0f', s.fence), 't', s.timeout, 'c', s.created,
    'a', store.now, 'h', h)
  local facts = {o = s.owner, s = string.match(seat, '^%S*'), l = s.ends or '', m = m, k = deleter or ''}
  -- No fence up to that of the earlier one may write here, nor be taken for one that has closed.
  if before or m ~= '' then facts.y = string.format('%.0f', s.fence - 1) end
  for name, value in pairs(facts) do
    if value ~= '' then redis.call('HSET', s.session, name, value) end
  end
  local fields = changed(s, given, first, (#given - first + 1) / 2, store)
  fields = write(s, fields, given, #given + 1, store)
  if #fields > 0 then redis.call('HSET', s.session, unpack(fields)) end
  place(s, store, true)
end
