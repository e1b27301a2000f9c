-- Give a session that nobody holds to the first waiter whose time is not over, or leave it closed.
-- The grant is written into the session; the push only wakes the waiter, which has 2 s to take it up.
local function pass_on(s, waiters, store)
  s.held, s.ticket, s.lapsed = false, nil, nil
  for _ = 1, 500 do
    local entry = redis.call('LPOP', waiters)
    if not entry then break end
    local wait_end, ticket, label = string.match(entry, '^(%d+) (%S+) (.*)$')
    if tonumber(wait_end) > store.now then
      s.held, s.ticket, s.mark, s.label, s.lease_end = true, ticket, 'g', label, store.now + 2000
      s.fence = math.max(s.fence + 1, store.us)
      redis.call('HSET', s.session, 'h', string.format('%.0f g %s %s', s.lease_end, ticket, label),
        'f', string.format('%.0f', s.fence))
      local wake = store.tag .. 'g:' .. ticket
      redis.call('RPUSH', wake, 'granted')
      redis.call('PEXPIRE', wake, 10000)
      return
    end
  end
  redis.call('HSET', s.session, 'h', '')
end
