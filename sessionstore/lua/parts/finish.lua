-- End a session: leave a tombstone that says why, take it out of the indexes, tell those who wait. `s.kind` is the kind
-- of the event, if its end is the store's own doing: the words in `s.over` may be those of a caller. `s.unlisted`: the
-- caller takes it out of the bucket's index, with others.
-- Answers the seat that becomes free, as pool, SID and ticket, or an empty string.
--@use kept
--@use emit
local function finish(s, store)
  local seat = s.seat
  if s.kept then
    for _, key in ipairs(kept(s, store)) do redis.call('UNLINK', key) end
  end
  redis.call('UNLINK', s.session)
  redis.call('HSET', s.session, 'f', string.format('%.0f', s.fence), 'o', s.owner, 'e', s.over,
    'k', s.deleter or '', 'm', s.moving or '')
  redis.call('PEXPIRE', s.session, store.linger)

  if not s.unlisted then redis.call('ZREM', store.tag .. 'x', s.sid) end
  if s.owner ~= '' then redis.call('ZREM', store.tag .. 'o:' .. s.owner, s.sid) end
  if seat then
    seat = (s.owner == '*' and 'public ' or 'private ') .. s.sid .. ' ' .. seat
    redis.call('SADD', store.tag .. 'q', seat)
  end
  emit(s.kind or 'ended', s, s.over, store)

  if s.ticket then -- for what nobody held, nobody waits
    local waiters = store.tag .. 'w:' .. s.sid
    local line = redis.call('LRANGE', waiters, 0, 499)
    for _, entry in ipairs(line) do
      local wake = store.tag .. 'g:' .. string.sub(entry, 14, 29)
      redis.call('RPUSH', wake, 'over')
      redis.call('PEXPIRE', wake, 10000)
    end
    if #line > 0 then redis.call('UNLINK', waiters) end
  end
  return seat or ''
end
