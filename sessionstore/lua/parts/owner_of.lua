-- Whose a session was of which only its id is left. The id has the owner of one that was named; of others, the event
-- of their creation tells, if it is among the last 500 that are kept. Else nobody knows: the answer is empty.
local function owner_of(sid, store)
  local named = string.match(sid, '^(.-):')
  if named then return (string.gsub(string.gsub(named, '%%3A', ':'), '%%25', '%%')) end
  if redis.call('ZSCORE', store.tag .. 'o:*', sid) then return '*' end
  if not store.makers then
    store.makers = {}
    for _, event in ipairs(redis.call('XREVRANGE', store.tag .. 'ev', '+', '-', 'COUNT', 500)) do
      local told = event[2] -- names and values in turn, as emit has them
      if told[2] == 'created' then store.makers[told[4]] = told[6] end
    end
  end
  return store.makers[sid] or ''
end
