#!lua
-- Take the next jobs of a queue, fair between the owners. They are hidden for a while from others. Before that, note
-- what became of those that were taken earlier.
--
-- KEYS[1] limits  {P:q:NAME}p  hash
-- ARGV[1] ticket   names this call: repeated, it takes the same
-- ARGV[2] most     how many to take, at most 500
-- ARGV[3] hide_ms  after that others look at them, too
-- ARGV[4] done     how many follow that are over
-- ARGV[5...] jobs  these, each an id with its owner behind; then others: r (it runs elsewhere) or l (it is for later)
--                  and in how many ms to look again, and the job
-- Derives  {P:q:NAME}r, {P:q:NAME}w:O, {P:q:NAME}d, {P:q:NAME}c, {P:q:NAME}o:O, {P:q:NAME}k, {P:q:NAME}t:T
-- Returns  {ms until something is due or -1, job, ...}
local limits = KEYS[1]
local ticket = ARGV[1]
local most = tonumber(ARGV[2])
local hide_ms = tonumber(ARGV[3])
local done = tonumber(ARGV[4])
--@use join_ring

local tag, time = string.sub(limits, 1, -2), redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ring, due, taken = tag .. 'r', tag .. 'd', tag .. 'c'
local p = redis.call('HMGET', limits, 'paused', 'max_running', 'max_running_per_owner', 'rate', 'left', 'at')
local per_owner = tonumber(p[3] or '')
local receipt = most > 0 and tag .. 't:' .. ticket
if receipt then
  local before = redis.call('LRANGE', receipt, 0, -1)
  if #before > 0 then return {-1, unpack(before)} end
end

local function give_back(job)
  local id, owner = string.sub(job, 1, 25), string.sub(job, 26)
  redis.call('ZREM', taken, job)
  if per_owner then
    redis.call('SREM', tag .. 'o:' .. owner, id)
    if redis.call('EXISTS', tag .. 'w:' .. owner) == 1 then join_ring(tag, owner) end
  end
end
for i = 5, 4 + done do give_back(ARGV[i]) end
for i = 5 + done, #ARGV, 2 do
  local again = now + string.sub(ARGV[i], 2)
  if string.sub(ARGV[i], 1, 1) == 'r' then
    redis.call('ZADD', taken, again, ARGV[i + 1])
  else
    give_back(ARGV[i + 1])
    redis.call('ZADD', due, again, ARGV[i + 1])
  end
end
if p[1] or most < 1 then return {-1} end

for _, job in ipairs(redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, 100)) do
  local owner = string.sub(job, 26)
  redis.call('ZREM', due, job)
  redis.call('ZADD', tag .. 'w:' .. owner, 'NX', now * 1000, string.sub(job, 1, 25))
  redis.call('PEXPIRE', tag .. 'w:' .. owner, 604800000)
  join_ring(tag, owner)
end

-- What was taken and not heard of since is looked at first: it counts already.
local reply = redis.call('ZRANGE', taken, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
for _, job in ipairs(reply) do redis.call('ZADD', taken, now + hide_ms, job) end
local room = most - #reply
if p[2] then room = math.min(room, p[2] - redis.call('ZCARD', taken)) end
local rate, left = tonumber(p[4] or ''), nil
if rate then
  left = math.min(math.max(rate, 1), tonumber(p[5] or math.max(rate, 1)) + (now - tonumber(p[6] or now)) * rate / 1000)
  room = math.min(room, math.floor(left))
end
local fresh = 0
while fresh < room do
  local turn = redis.call('ZRANGE', ring, 0, 0, 'WITHSCORES')
  if not turn[1] then break end
  local owner = turn[1]
  local free = not per_owner or redis.call('SCARD', tag .. 'o:' .. owner) < per_owner
  local first = free and redis.call('ZPOPMIN', tag .. 'w:' .. owner)
  if first and first[1] then
    reply[#reply + 1], fresh = first[1] .. owner, fresh + 1
    redis.call('ZADD', taken, now + hide_ms, first[1] .. owner)
    if per_owner then
      redis.call('SADD', tag .. 'o:' .. owner, first[1])
      redis.call('PEXPIRE', tag .. 'o:' .. owner, 86400000)
    end
    redis.call('ZADD', ring, turn[2] + 1, owner)
  else
    redis.call('ZREM', ring, owner) -- back with the next job, or when one of its jobs is over
  end
end
if rate then redis.call('HSET', limits, 'left', string.format('%.9f', left - fresh), 'at', now) end

local next_ms = -1
for _, index in ipairs({due, taken}) do
  local first = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')
  if first[2] and (next_ms < 0 or first[2] - now < next_ms) then next_ms = math.max(0, first[2] - now) end
end
if rate and left - fresh < 1 then next_ms = math.ceil(1000 / rate) end
if redis.call('EXISTS', ring) == 1 and redis.call('LLEN', tag .. 'k') == 0 then
  redis.call('RPUSH', tag .. 'k', '')
  redis.call('PEXPIRE', tag .. 'k', 60000)
end
if #reply > 0 then
  redis.call('RPUSH', receipt, unpack(reply))
  redis.call('PEXPIRE', receipt, 15000)
end
return {next_ms, unpack(reply)}
