-- End a session: leave a tombstone that says why, take it out of the indexes, tell those who wait.
-- Answers the seat that becomes free, as pool, SID and ticket, or an empty string.
local function finish(s, store)
  local kinds = {['timed out'] = 'expired', lifetime = 'expired', evicted = 'evicted', moved = 'moved'}
  local seat = redis.call('HGET', s.session, 's')
  for _, key in ipairs(kept(s, store)) do redis.call('UNLINK', key) end
  redis.call('UNLINK', s.session)
  redis.call('HSET', s.session, 'f', string.format('%.0f', s.fence), 'o', s.owner, 'e', s.over,
    'k', s.deleter or '', 'c', s.ticket or '', 'm', s.moving or '')
  redis.call('PEXPIRE', s.session, store.linger)

  redis.call('ZREM', store.tag .. 'x', s.sid)
  if s.owner ~= '' then redis.call('ZREM', store.tag .. 'o:' .. s.owner, s.sid) end
  if seat then
    seat = (s.owner == '*' and 'public ' or 'private ') .. s.sid .. ' ' .. seat
    redis.call('SADD', store.tag .. 'q', seat)
  end
  emit(kinds[s.over] or 'ended', s, s.over, store)

  local waiters = store.tag .. 'w:' .. s.sid
  for _, entry in ipairs(redis.call('LRANGE', waiters, 0, 499)) do
    local wake = store.tag .. 'g:' .. string.match(entry, '^%d+ (%S+)')
    redis.call('RPUSH', wake, 'over')
    redis.call('PEXPIRE', wake, 10000)
  end
  redis.call('UNLINK', waiters)
  return seat or ''
end
