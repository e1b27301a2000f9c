-- Carry out what time has done to a session: its end, or the close that a lapsed lease counts as. A waiter that did not
-- come when it was its turn stands first in line again, in case it comes back.
local function catch_up(s, waiters, store)
  if s.over then
    if s.lapsed then
      --@use note_lapse
      note_lapse(s, store)
    end
    if not s.ended then
      --@use end_session
      end_session(s, store)
    end
  elseif s.ticket and not s.held then
    local fields = {}
    if s.lapsed then
      --@use note_lapse
      --@use index_session
      note_lapse(s, store)
      index_session(s, store)
      fields = {'a', s.activity, 't', s.timeout}
    elseif s.mark == 'g' then
      redis.call('LPUSH', waiters, string.format('%013d%s%s', s.lease_end, s.ticket, s.label))
      redis.call('PEXPIRE', waiters, 30000)
    end
    --@use hand_over
    hand_over(s, waiters, store, fields)
  end
end
