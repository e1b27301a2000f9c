-- Hand a session that nobody holds to the first waiter that is alive, or leave it closed. Silent waiters keep their
-- places, and a mark in the holder says that there are some. `s.asking` is the ticket of the waiter that asks just now:
-- it is alive. The grant is written into the session; the push only wakes the waiter, which has 2 s to take it up.
-- One that is about to move is given to nobody before that is decided: whoever comes by settles it.
-- `fields`, names and values in turn, are written along with it.
local function hand_over(s, waiters, store, fields)
  s.held, s.ticket, s.lapsed = nil, nil, nil
  local holder = s.moving and '0000000000000w' or ''
  for at = 0, s.moving and -1 or 499 do
    local entry = redis.call('LINDEX', waiters, at)
    if not entry then break end
    holder = '0000000000000w'
    --@use is_alive
    local until_, ticket = tonumber(string.sub(entry, 1, 13)), string.sub(entry, 14, 29)
    if ticket == s.asking or is_alive(until_, store) then
      redis.call('LREM', waiters, 1, entry)
      s.held, s.ticket, s.mark, s.label, s.lease_end = true, ticket, 'g', string.sub(entry, 30), store.now + 2000
      s.fence = math.max(s.fence + 1, store.us)
      holder = string.format('%013dg%s%s', s.lease_end, ticket, s.label)
      fields[#fields + 1], fields[#fields + 2] = 'f', s.fence
      local wake = store.tag .. 'g:' .. ticket
      redis.call('RPUSH', wake, 'granted')
      redis.call('PEXPIRE', wake, 10000)
      break
    end
  end
  redis.call('HSET', s.session, 'h', holder, unpack(fields))
end
