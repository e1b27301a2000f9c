-- Whether a waiter lives, as far as is known. It asks every second, and each time it is believed for 2 s; a grant stays
-- for it as long. So of many that died at once, one at most is still believed when it is its turn. A time that is
-- further ahead was noted before the clock was put back.
local function lives(until_, store)
  return until_ > store.now and until_ <= store.now + 2000
end
