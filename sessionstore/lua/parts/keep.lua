-- Let the keys of an open session, and of what is kept beside it, outlast its lease, its timeout after that, and its
-- tombstone.
--@use kept
local function keep(s, store)
  local at = s.lease_end + s.timeout + store.linger
  redis.call('PEXPIREAT', s.session, at, 'GT')
  for _, key in ipairs(kept(s, store)) do redis.call('PEXPIREAT', key, at, 'GT') end
  if s.owner ~= '' then redis.call('PEXPIREAT', store.tag .. 'o:' .. s.owner, at, 'GT') end
end
