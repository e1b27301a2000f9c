#!lua
-- Renew the leases of jobs that a worker runs, all of one bucket, and tell it what else it should know of them.
--
-- KEYS[1] parameters  {P:B}p  hash
-- KEYS[2...] jobs     {P:B}j:JID  hash
-- ARGV[1] lease_ms   from now on
-- ARGV[2...] tokens  of their starts, in order
-- Derives  {P:B}jg:GROUP, {P:B}js:GROUP, {P:B}je:GROUP, {P:B}ju:GROUP, {P:B}jo:OWNER, {P:B}jw:JID, {P:B}jx, {P:B}jd,
--          {P:B}jc, {P:B}s:SID, {P:B}g:TICKET
-- Returns  {answer for each}: R renewed; L lost; C, ms that are left and why, with a space between: it is to stop; O,
--          state and why, so too: it is over
local parameters = KEYS[1]
local lease_ms = tonumber(ARGV[1])
--@use begin
--@use read_job
--@use check_token
--@use find_group
--@use end_group

local store = begin(parameters)
local answers = {}
for i = 2, #KEYS do
  local j = read_job(string.sub(KEYS[i], #store.tag + 3), store)
  local refusal = check_token(j, ARGV[i], store)
  local away = false
  if not refusal and not j.silent and not j.cancel then
    local how, what = find_group(j.group, store)
    away = how == 'away' -- then the next sweep looks whether it lives
    if how == 'ended' then
      end_group(j.group, what, store)
      j = read_job(j.id, store)
      refusal = check_token(j, ARGV[i], store)
    end
  end
  if refusal == 'LOST' then answers[#answers + 1] = 'L'
  elseif refusal then answers[#answers + 1] = 'O' .. refusal[2] .. ' ' .. refusal[3]
  else
    local lease_end = store.now + lease_ms
    redis.call('HSET', KEYS[i], 'l', lease_end)
    local due = away and store.now or lease_end
    local answer = 'R'
    if j.cancel then
      local until_ = tonumber(string.sub(j.cancel, 1, 13))
      due = math.min(due, until_)
      answer = string.format('C%d %s', math.max(0, until_ - store.now), string.sub(j.cancel, 14))
    end
    redis.call('ZADD', store.tag .. 'jx', due, j.id)
    answers[#answers + 1] = answer
  end
end
return answers
