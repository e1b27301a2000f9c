#!lua flags=allow-oom
-- Lengthen the leases of the sessions of one bucket that one process holds. No lease becomes shorter than its holder
-- was told at first: it comes to renew it when a third of that is over.
--
-- KEYS[1] parameters   {P:B}p      hash
-- KEYS[2...] sessions  {P:B}s:SID  hash
-- ARGV[1...] leases    fence, lease_ms (empty: the store's) and lease_ms as told at the opening of each session in turn
-- Derives  {P:B}o:OWNER, {P:B}v:ID
-- Returns  {lease_end, ...}, in order; 0: not held under that fence any more; a reason: it has ended
local parameters = KEYS[1]
--@use begin
--@use look
--@use check_holder
--@use extend_expiry

local store = begin(parameters)
local ends = {}
for i = 2, #KEYS do
  local s = look(KEYS[i], store)
  local fence, lease_ms = tonumber(ARGV[3 * i - 5]), tonumber(ARGV[3 * i - 4]) or store.lease
  local refusal = check_holder(s, fence)
  if refusal then
    -- Who has lost the lease before the end has to know that.
    local told = refusal ~= 'LOST' and not (s and (s.fence ~= fence or s.lapsed))
    ends[#ends + 1] = told and refusal[2] or 0
  else
    s.lease_end = store.now + math.max(lease_ms, tonumber(ARGV[3 * i - 3]))
    redis.call('HSET', s.session, 'h', string.format('%013do%s%s', s.lease_end, s.ticket, s.label))
    extend_expiry(s, store)
    ends[#ends + 1] = s.lease_end
  end
end
return ends
