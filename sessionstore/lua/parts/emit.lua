-- Append an event to the stream of the bucket. The same script makes the fact that it tells.
--@use parameter
local function emit(kind, s, reason, store)
  redis.call('XADD', store.tag .. 'ev', 'MAXLEN', '~', parameter(store, 'max_events'), '*',
    'e', kind, 's', s.sid, 'o', s.owner, 'r', reason)
end
