-- Note that a session whose key has expired before anybody looked at it may have had a seat. Tell of its end, unless
-- its `owner` is false: then it has not begun here.
--@use emit
local function note_missing(sid, owner, store)
  redis.call('SADD', store.tag .. 'q', 'unknown ' .. sid)
  if owner then emit('expired', {sid = sid, owner = owner}, 'timed out', store) end
end
