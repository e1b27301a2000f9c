-- Whether a waiter counts as alive. It asks every second, and each time it counts as alive for 2 s. A grant waits for
-- it as long. So of many that died at once, at most one still counts when it is its turn. If the time is further
-- ahead than that, the clock was put back after it was noted.
local function is_alive(until_, store)
  return until_ > store.now and until_ <= store.now + 2000
end
