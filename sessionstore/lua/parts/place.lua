-- Move a session's index entries and expiry if its deadline calls for it.
-- The score is the deadline with the activity rounded down to a tenth of the timeout, so that it moves at most
-- ten times in a timeout and is never late. The keys stay for two timeouts more than that, so that an open with a
-- lease no longer than a timeout need not move them; and for a year if the store keeps sessions that time out.
--@use kept
local function place(s, store, fresh)
  local grid = math.max(1, math.floor(s.timeout / 10))
  local step = s.activity - s.activity % grid
  local stays = s.timeout == s.stored_timeout and step == s.stored_activity - s.stored_activity % grid
  if stays and not fresh then return end

  local score = step + s.timeout
  if s.ends and s.ends < score then score = s.ends end
  local keep = score + grid + 2 * s.timeout + store.lease + store.linger
  if store.at_timeout == 'keep' then keep = keep + 31536000000 end
  redis.call('ZADD', store.tag .. 'x', score, s.sid)
  redis.call('PEXPIREAT', s.session, keep)
  for _, key in ipairs(kept(s, store)) do redis.call('PEXPIREAT', key, keep) end
  if s.owner ~= '' then
    local owned = store.tag .. 'o:' .. s.owner
    redis.call('ZADD', owned, score, s.sid)
    redis.call('PEXPIREAT', owned, keep, 'NX')
    redis.call('PEXPIREAT', owned, keep, 'GT')
  end
end
