-- Carry out what time has done to a session: its end, or the close that a lapsed lease counts as. A waiter that did not
-- come when it was its turn stands first in line again, in case it comes back.
--@use note_lapse
--@use end_session
--@use index_session
--@use hand_over
local function catch_up(s, waiters, store)
  if s.over then
    if s.lapsed then note_lapse(s, store) end
    if not s.ended then end_session(s, store) end
  elseif s.ticket and not s.held then
    local fields = {}
    if s.lapsed then
      note_lapse(s, store)
      index_session(s, store)
      fields = {'a', s.activity, 't', s.timeout}
    elseif s.mark == 'g' then
      redis.call('LPUSH', waiters, string.format('%013.0f%s%s', s.lease_end, s.ticket, s.label))
      redis.call('PEXPIRE', waiters, 30000)
    end
    hand_over(s, waiters, store, fields)
  end
end
