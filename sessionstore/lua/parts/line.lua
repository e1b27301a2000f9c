-- Go through the line for a session: answers how many in it live, or where a ticket stands (from 0) as soon as it is
-- found. Who has been silent for half a minute leaves the line; when it is as long as can be, all who are silent do.
-- A place there is, in fixed places: the time up to which its waiter is believed to live (13 digits), a ticket of 16
-- letters, a label.
--@use lives
local function line(waiters, ticket, store)
  local entries = redis.call('LRANGE', waiters, 0, 500) -- 500, and one that missed its turn
  local living, gone = 0, 0
  for i, entry in ipairs(entries) do
    if string.sub(entry, 14, 29) == ticket then return living, i - 1 - gone end
    local until_ = tonumber(string.sub(entry, 1, 13))
    if lives(until_, store) then
      living = living + 1
    elseif #entries >= 500 or until_ < store.now - 28000 then
      gone = gone + redis.call('LREM', waiters, 1, entry)
    end
  end
  return living, nil
end
