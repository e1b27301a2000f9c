-- Carry out what the passing of time has done to a session: its end, or the implied close of a lapsed lease. A waiter
-- that did not come when it was its turn is the first in line again, should it come back.
--@use lapse
--@use finish
--@use place
--@use pass_on
local function settle(s, waiters, store)
  if s.over then
    if s.lapsed then lapse(s, store) end
    if not s.ended then finish(s, store) end
  elseif s.ticket and not s.held then
    local fields = {}
    if s.lapsed then
      lapse(s, store)
      place(s, store)
      fields = {'a', s.activity, 't', s.timeout}
    elseif s.mark == 'g' then
      redis.call('LPUSH', waiters, string.format('%013.0f%s%s', s.lease_end, s.ticket, s.label))
      redis.call('PEXPIRE', waiters, 30000)
    end
    pass_on(s, waiters, store, fields)
  end
end
