-- End a session: leave a tombstone that says why, take it out of the indexes, wake those who wait. `s.kind` is the kind
-- of the event, if the store itself ends it: the words in `s.over` may be those of a caller. `s.unlisted` says that the
-- caller takes it out of the index of the bucket, along with others.
-- Answers what this leaves to be done elsewhere, as it is noted in `q` for the sweep: the seat that becomes free, as
-- pool, SID and ticket, and before it the jobs that are in another bucket.
--@use emit
--@use parameter
local function end_session(s, store)
  local left = {}
  if s.has_beside then
    --@use keys_beside
    for _, key in ipairs(keys_beside(s, store)) do redis.call('UNLINK', key) end
  end
  redis.call('UNLINK', s.session)
  local tombstone = {'f', s.fence, 'e', s.over, 'k', s.deleter or ''}
  if s.owner ~= '' then tombstone[#tombstone + 1], tombstone[#tombstone + 2] = 'o', s.owner end
  if s.moving then tombstone[#tombstone + 1], tombstone[#tombstone + 2] = 'm', s.moving end
  -- The call that has ended it may be repeated for a while, also where a tombstone lingers for less.
  local linger = parameter(store, 'linger')
  if linger < 30000 then tombstone[#tombstone + 1], tombstone[#tombstone + 2] = 'l', store.now + linger end
  redis.call('HSET', s.session, unpack(tombstone))
  redis.call('PEXPIRE', s.session, math.max(linger, 30000))

  -- A copy of the call that arrives later does nothing, whatever has this name then.
  if (s.deleter or '') ~= '' then redis.call('SET', store.tag .. 'r:' .. s.deleter, '', 'PX', 60000) end
  -- If it was about to move, it has perhaps arrived there: whoever completes that learns of its end, and that it is
  -- told (see retire).
  local move = s.moving and s.kind ~= 'moved' and string.match(s.moving, '^> (%S+)')
  if move then redis.call('SET', store.tag .. 'r:' .. move, '! ' .. s.over, 'PX', 86400000) end

  if not s.unlisted then redis.call('ZREM', store.tag .. 'x', s.sid) end
  if s.owner ~= '' then redis.call('ZREM', store.tag .. 'o:' .. s.owner, s.sid) end
  if not s.told then emit(s.kind or 'ended', s, s.over, store) end
  if s.jobs and s.kind ~= 'moved' then
    if string.sub(s.jobs, 1, 2) == string.sub(store.tag, -3, -2) then
      --@use end_group
      end_group(s.jobs, s.over, store)
    else
      left[1] = '>jobs ' .. s.jobs .. ' ' .. s.over
    end
  end
  if s.seat then left[#left + 1] = (s.owner == '*' and 'public ' or 'private ') .. s.sid .. ' ' .. s.seat end
  if left[1] then redis.call('SADD', store.tag .. 'q', unpack(left)) end

  if s.ticket and s.mark ~= 'c' then -- nobody waits for what nobody has held
    local waiters = store.tag .. 'w:' .. s.sid
    local line = redis.call('LRANGE', waiters, 0, 499)
    for _, entry in ipairs(line) do
      local wake = store.tag .. 'g:' .. string.sub(entry, 14, 29)
      redis.call('RPUSH', wake, 'over')
      redis.call('PEXPIRE', wake, 10000)
    end
    if #line > 0 then redis.call('UNLINK', waiters) end
  end
  return left
end
