-- Free a seat. One that stands in for it has its place in the pool from now on, and is doubtful at once if it was not
-- seen in use yet. Answers whether the seat was taken.
local function free_seat(seat, seats, fresh, moves)
  local activity, other = redis.call('ZSCORE', seats, seat), redis.call('HGET', moves, seat)
  if other then redis.call('HDEL', moves, seat, other) end
  if not activity then return false end
  redis.call('ZREM', seats, seat)
  if other then
    redis.call('ZADD', seats, activity, other)
    redis.call('ZADD', fresh, 'XX', 0, other)
  end
  return true
end
