-- Carry out what the passing of time has done to a session: its end, or the implied close of a lapsed lease.
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
    end
    pass_on(s, waiters, store, fields)
  end
end
