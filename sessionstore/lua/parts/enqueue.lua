-- Put a ticket into the line for a session. If it stands there already, it keeps its place: it has given a sign of
-- life.
-- Answers false if the line is full.
--@use walk_line
--@use parameter
local function enqueue(waiters, ticket, label, wait_end, store)
  local alive, place = walk_line(waiters, ticket, store)
  local entry = string.format('%013d%s%s', math.min(wait_end, store.now + 2000), ticket, label)
  if place then
    redis.call('LSET', waiters, place, entry)
  elseif alive < parameter(store, 'max_waiters') then
    redis.call('RPUSH', waiters, entry)
  else
    return false
  end
  redis.call('PEXPIRE', waiters, 30000)
  return true
end
