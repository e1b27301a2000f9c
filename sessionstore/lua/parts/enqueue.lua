-- Put a ticket into the line for a session, once; the waiters whose time is over leave it.
-- Answers false if the line is full.
local function enqueue(s, waiters, ticket, label, wait_end, store)
  local waiting = 0
  for _, entry in ipairs(redis.call('LRANGE', waiters, 0, 499)) do
    local entry_end, entry_ticket = string.match(entry, '^(%d+) (%S+)')
    if entry_ticket == ticket then return true end
    if tonumber(entry_end) > store.now then waiting = waiting + 1 else redis.call('LREM', waiters, 1, entry) end
  end
  if waiting >= store.max_waiters then return false end
  redis.call('RPUSH', waiters, string.format('%.0f %s %s', wait_end, ticket, label))
  redis.call('PEXPIREAT', waiters, wait_end + 10000, 'NX')
  redis.call('PEXPIREAT', waiters, wait_end + 10000, 'GT')
  return true
end
