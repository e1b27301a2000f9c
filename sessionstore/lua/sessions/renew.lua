#!lua flags=allow-oom
-- Lengthen the leases of the sessions of one bucket that one process holds.
--
-- KEYS[1] parameters   {P:B}p      hash
-- KEYS[2...] sessions  {P:B}s:SID  hash
-- ARGV[1...] leases    fence and lease_ms (empty: the store's) of each session in turn
-- Derives  {P:B}o:OWNER, {P:B}v:ID
-- Returns  {lease_end, ...}, in order; 0: not held under that fence any more
local parameters = KEYS[1]
--@use begin
--@use look
--@use extend_expiry

local store = begin(parameters)
local ends = {}
for i = 2, #KEYS do
  local s = look(KEYS[i], store)
  local fence, lease_ms = tonumber(ARGV[2 * i - 3]), tonumber(ARGV[2 * i - 2]) or store.lease
  ends[#ends + 1] = 0
  if s and s.held and not s.over and s.fence == fence then
    s.lease_end = store.now + lease_ms
    redis.call('HSET', s.session, 'h', string.format('%013do%s%s', s.lease_end, s.ticket, s.label))
    extend_expiry(s, store)
    ends[#ends] = s.lease_end
  end
end
return ends
