-- What a session is at this moment, or nil if there is none: facts only, nothing is written.
local function look(session, store)
  local v = redis.call('HMGET', session, 'f', 'o', 't', 'c', 'a', 'l', 'h', 'd', 'e', 'm')
  if not v[1] then return nil end

  local s = {
    session = session, sid = string.sub(session, #store.tag + 3),
    fence = tonumber(v[1]), owner = v[2] or '', moving = v[10] and v[10] ~= '' and v[10],
  }
  if v[9] then
    s.over, s.ended = v[9], true -- only the tombstone is left
    return s
  end

  s.timeout, s.created, s.activity, s.ends = tonumber(v[3]), tonumber(v[4]), tonumber(v[5]), tonumber(v[6] or '')
  s.stored_timeout, s.stored_activity = s.timeout, s.activity
  if store.max_timeout and s.timeout > store.max_timeout then s.timeout = store.max_timeout end

  -- The holder: until when, how it came to be (o opened, g granted, c created closed), its ticket, its label.
  if v[7] and v[7] ~= '' then
    local lease_end, mark, ticket, label = string.match(v[7], '^(%d+) (%l) (%S+) (.*)$')
    s.lease_end, s.mark, s.ticket, s.label = tonumber(lease_end), mark, ticket, label
    s.held = s.lease_end > store.now
    -- A lapsed lease is an implied close at its end; a grant that nobody took up is nothing at all.
    if not s.held and mark == 'o' then
      s.lapsed = true
      if s.lease_end > s.activity then s.activity = s.lease_end end
    end
  end

  s.deadline = (s.held and s.lease_end or s.activity) + s.timeout
  if s.ends and s.ends < s.deadline then s.deadline = s.ends end
  if s.ends and s.ends <= store.now then s.over = 'lifetime'
  elseif s.held then s.pending = v[8] and true
  elseif v[8] then s.deleter, s.over = string.match(v[8], '^(%S+) (.*)$')
  elseif s.deadline <= store.now then s.over = 'timed out' end
  return s
end
