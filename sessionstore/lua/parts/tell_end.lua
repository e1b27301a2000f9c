-- Tell that a session has ended, once, when none of its jobs can have anything more to tell.
--@use post
local function tell_end(group, store)
  local facts = store.tag .. 'jg:' .. group
  local why = redis.call('HGET', facts, 'e')
  if not why or redis.call('ZCARD', store.tag .. 'js:' .. group) > 0 then return end
  if redis.call('HSETNX', facts, 'x', 1) == 0 then return end
  post(group, '', 'session-ended', '', why, store)
  redis.call('PEXPIRE', facts, 300000)
  redis.call('PEXPIRE', store.tag .. 'je:' .. group, 300000)
  redis.call('PEXPIRE', store.tag .. 'jf:' .. group, 300000)
end
