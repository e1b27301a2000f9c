-- Extend the expiry of an open session and of the values beside it. The keys stay until the lease is over, and the
-- timeout after it, and for as long as a session stays that has timed out.
--@use expiry_of
local function extend_expiry(s, store)
  local at = expiry_of(s.lease_end + s.timeout, store)
  redis.call('PEXPIREAT', s.session, at, 'GT')
  if s.has_beside then
    --@use keys_beside
    for _, key in ipairs(keys_beside(s, store)) do redis.call('PEXPIREAT', key, at, 'GT') end
  end
  if s.owner ~= '' then redis.call('PEXPIREAT', store.tag .. 'o:' .. s.owner, at, 'GT') end
end
