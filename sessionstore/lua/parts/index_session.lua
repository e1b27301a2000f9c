-- Move the index entries of a session and its expiry, if its deadline calls for it; if `fresh`, in any case.
-- The score is the deadline, with the activity rounded down to a tenth of the timeout. So it moves at most ten times in
-- a timeout, and is never late. The keys expire two timeouts after that, and a little more: then an open whose lease is
-- no longer than a timeout need not move them. Answers how many entries are new in the index of the bucket.
local function index_session(s, store, fresh)
  local grid = math.max(1, math.floor(s.timeout / 10))
  local step = s.activity - s.activity % grid
  local stays = s.timeout == s.stored_timeout and step == s.stored_activity - s.stored_activity % grid
  if stays and not fresh then return end
  --@use expiry_of

  local score = step + s.timeout
  if s.ends and s.ends < score then score = s.ends end
  local last = score + grid + 2 * s.timeout + store.lease
  if s.held then
    if s.pending or s.moving then score = math.min(score, s.lease_end) end
    last = math.max(last, s.lease_end + s.timeout)
  end
  local expiry = expiry_of(last, store)
  local added = redis.call('ZADD', store.tag .. 'x', score, s.sid)
  redis.call('PEXPIREAT', s.session, expiry)
  if s.has_beside then
    --@use keys_beside
    for _, key in ipairs(keys_beside(s, store)) do redis.call('PEXPIREAT', key, expiry) end
  end
  if s.owner ~= '' then
    local owned = store.tag .. 'o:' .. s.owner
    redis.call('ZADD', owned, score, s.sid)
    redis.call('PEXPIREAT', owned, expiry, 'NX')
    redis.call('PEXPIREAT', owned, expiry, 'GT')
  end
  return added
end
