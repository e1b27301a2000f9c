-- Go along the line for a session. Answers where a ticket stands (from 0), behind how many waiters are alive before it;
-- or only how many are alive, if it does not stand there.
-- A waiter that was silent for half a minute leaves the line. If the line is as long as can be, all silent ones leave.
-- An entry of the line, in fixed places: the time up to which its waiter counts as alive (13 digits), a ticket of 16
-- letters, a label.
--@use is_alive
local function walk_line(waiters, ticket, store)
  local entries = redis.call('LRANGE', waiters, 0, 500) -- 500, and one that missed its turn
  local alive, gone = 0, 0
  for i, entry in ipairs(entries) do
    if string.sub(entry, 14, 29) == ticket then return alive, i - 1 - gone end
    local until_ = tonumber(string.sub(entry, 1, 13))
    if is_alive(until_, store) then
      alive = alive + 1
    elseif #entries >= 500 or until_ < store.now - 28000 then
      gone = gone + redis.call('LREM', waiters, 1, entry)
    end
  end
  return alive, nil
end
