-- Put a ticket into the line for a session, or note that it has given a sign of life there: it keeps its place.
-- Answers false if the line is full.
--@use line
local function enqueue(waiters, ticket, label, wait_end, store)
  local living, place = line(waiters, ticket, store)
  local entry = string.format('%013.0f%s%s', math.min(wait_end, store.now + 2000), ticket, label)
  if place then
    redis.call('LSET', waiters, place, entry)
  elseif living < store.max_waiters then
    redis.call('RPUSH', waiters, entry)
  else
    return false
  end
  redis.call('PEXPIRE', waiters, 30000)
  return true
end
