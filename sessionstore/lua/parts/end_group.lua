-- End the jobs of a session that has ended: those that wait are closed, those that run stop, or go on in silence, as
-- each was submitted. A hundred at once; then the group is due for the sweep, which goes on.
--@use read_job
--@use end_job
--@use tell_end
local function end_group(group, why, store)
  local facts, live = store.tag .. 'jg:' .. group, store.tag .. 'js:' .. group
  if redis.call('EXISTS', facts) == 0 then return end
  redis.call('HSETNX', facts, 'e', why)
  why = redis.call('HGET', facts, 'e')
  local page = redis.call('ZRANGE', live, 0, 99)
  for _, id in ipairs(page) do
    local job = read_job(id, store)
    if job then end_job(job, why, store) else redis.call('ZREM', live, id) end
  end
  if #page == 100 then redis.call('ZADD', store.tag .. 'jx', store.now, group)
  else redis.call('ZREM', store.tag .. 'jx', group) end
  tell_end(group, store)
end
