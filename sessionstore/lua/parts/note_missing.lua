-- Note that a session whose key has expired before anybody looked at it may have had a seat, and tell of its end.
--@use emit
local function note_missing(sid, owner, store)
  redis.call('SADD', store.tag .. 'q', 'unknown ' .. sid)
  emit('expired', {sid = sid, owner = owner}, 'timed out', store)
end
