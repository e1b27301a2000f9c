-- What a session is at this moment; nil if there is none. Nothing is written.
local function look(session, store)
  local v = redis.call('HMGET', session, 'f', 'o', 't', 'c', 'a', 'l', 'h', 'd', 'e', 'm', 'b', 'p', 'i', 's', 'j')
  if not v[1] then return nil end

  local timeout, activity = tonumber(v[3]), tonumber(v[5])
  local s = {
    session = session, sid = string.sub(session, #store.tag + 3), fence = tonumber(v[1]), owner = v[2] or '',
    timeout = timeout, stored_timeout = timeout, created = v[4], activity = activity, stored_activity = activity,
    size = v[11] or 0, has_beside = v[12], first_end = tonumber(v[13]), seat = v[14], jobs = v[15],
    ends = tonumber(v[6]),
    -- These are found below, and named here so that the table need not grow.
    moving = nil, over = nil, held = nil, lease_end = nil, mark = nil, ticket = nil, label = nil, deadline = nil,
  }
  if v[10] and v[10] ~= '' then s.moving = v[10] end
  if v[9] then
    s.over, s.ended = v[9], true -- only the tombstone is left
    s.silent = v[6] and tonumber(v[6]) <= store.now
    return s
  end
  if store.max_timeout and timeout > store.max_timeout then s.timeout = store.max_timeout end

  -- The holder, in fixed places, as _core/layout.py tells: end of the lease, how it came to be, ticket, label.
  local holder = v[7]
  if holder ~= '' then
    s.lease_end = tonumber(string.sub(holder, 1, 13))
    s.held = s.lease_end > store.now
    s.mark, s.ticket, s.label = string.sub(holder, 14, 14), string.sub(holder, 15, 30), string.sub(holder, 31)
    -- A lease that has lapsed counts as a close at its end. A grant that nobody took up counts as nothing.
    if not s.held and s.mark == 'o' then
      s.lapsed = true
      if s.lease_end > activity then s.activity = s.lease_end end
    end
  end

  -- It is between two homes, and its mover is gone: whoever comes by completes the move, or undoes it.
  if s.moving and not s.held then s.in_transit = true end

  local deadline = (s.held and s.lease_end or s.activity) + s.timeout
  if s.ends and s.ends < deadline then deadline = s.ends end
  s.deadline = deadline
  if s.ends and s.ends <= store.now then
    s.over, s.kind = 'lifetime', 'expired'
    if s.lapsed and s.lease_end >= s.ends then s.lapsed = nil end -- it was held to its end
  elseif s.held then
    s.pending = v[8]
  elseif v[8] then
    s.deleter, s.over = string.match(v[8], '^(%S+) (.*)$')
  elseif deadline <= store.now then
    --@use parameter
    if store.ends_kept or parameter(store, 'at_timeout') ~= 'keep'
      or deadline <= (parameter(store, 'kept_since') or 0) then
      s.over, s.kind = 'timed out', 'expired'
    end
  end
  return s
end
