-- Take a ticket out of the line for a session.
local function leave_line(waiters, ticket)
  for _, entry in ipairs(redis.call('LRANGE', waiters, 0, 499)) do
    if string.sub(entry, 14, 29) == ticket then redis.call('LREM', waiters, 1, entry) end
  end
end
