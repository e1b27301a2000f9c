#!lua flags=no-writes
-- Compare the jobs of a bucket that are to be looked at first with what is known of them elsewhere.
--
-- KEYS[1] index       {P:B}jx  zset
-- KEYS[2] parameters  {P:B}p   hash
-- ARGV[1] page      how many, at most 100
-- ARGV[2] slack_ms  so late may be what is seen to by workers
-- Derives  {P:B}j:JID, {P:B}jg:GROUP, {P:B}js:GROUP
-- Returns  {how many were looked at, {job, what is wrong, ...}, {job, queue, owner, ...}}: those that should be in line
local index = KEYS[1]
local parameters = KEYS[2]
local page = tonumber(ARGV[1])
local slack_ms = tonumber(ARGV[2])
--@use begin
--@use read_job
local store = begin(parameters)
local faults, waiting = {}, {}
local function wrong(id, what) faults[#faults + 1], faults[#faults + 2] = id, what end
local due = redis.call('ZRANGE', index, 0, page - 1, 'WITHSCORES')
for i = 1, #due, 2 do
  local id, score = due[i], tonumber(due[i + 1])
  local j = read_job(id, store)
  if score + slack_ms < store.now then wrong(id, 'due') end
  if not j or not j.live then
    if j or redis.call('EXISTS', store.tag .. 'jg:' .. id) == 0 then wrong(id, 'gone') end
  else
    if redis.call('EXISTS', store.tag .. 'jg:' .. j.group) == 0 then wrong(id, 'alone')
    elseif not j.silent and not redis.call('ZSCORE', store.tag .. 'js:' .. j.group, id) then wrong(id, 'unlisted') end
    if j.state == 'running' and j.lease_end + slack_ms < store.now then wrong(id, 'late') end
    if j.state == 'queued' and j.due + slack_ms < store.now then
      waiting[#waiting + 1], waiting[#waiting + 2], waiting[#waiting + 3] = id, j.queue, j.owner
    end
  end
end
return {#due / 2, faults, waiting}
