-- Append an event to the bucket's stream, in the same script as the fact it tells.
local function emit(kind, s, reason, store)
  redis.call('XADD', store.tag .. 'ev', 'MAXLEN', '~', store.max_events, '*',
    'e', kind, 's', s.sid, 'o', s.owner, 'r', reason)
end
