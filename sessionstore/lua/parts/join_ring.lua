-- See that an owner who has something waiting gets a turn: who comes anew is as far as the first one there.
local function join_ring(tag, owner)
  if redis.call('ZSCORE', tag .. 'r', owner) then return end
  local first = redis.call('ZRANGE', tag .. 'r', 0, 0, 'WITHSCORES')
  redis.call('ZADD', tag .. 'r', first[2] or 0, owner)
end
