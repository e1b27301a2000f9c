-- Give a session that nobody holds to the first waiter whose time is not over, or leave it closed.
-- The grant is written into the session; the push only wakes the waiter, which has 2 s to take it up.
-- `fields`, names and values in turn, are written along with it.
local function pass_on(s, waiters, store, fields)
  s.held, s.ticket, s.lapsed = nil, nil, nil
  local holder = ''
  for _ = 1, 500 do
    local entry = redis.call('LPOP', waiters)
    if not entry then break end
    local wait_end, ticket, label = string.match(entry, '^(%d+) (%S+) (.*)$')
    if tonumber(wait_end) > store.now then
      s.held, s.ticket, s.mark, s.label, s.lease_end = true, ticket, 'g', label, store.now + 2000
      s.fence = math.max(s.fence + 1, store.us)
      holder = string.format('%013.0fg%s%s', s.lease_end, ticket, label)
      fields[#fields + 1], fields[#fields + 2] = 'f', string.format('%.0f', s.fence)
      local wake = store.tag .. 'g:' .. ticket
      redis.call('RPUSH', wake, 'granted')
      redis.call('PEXPIRE', wake, 10000)
      break
    end
  end
  redis.call('HSET', s.session, 'h', holder, unpack(fields))
end
