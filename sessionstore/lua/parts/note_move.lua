-- Note for a while that a session has left the bucket or has come to it, so that who reads one bucket after the other
-- can tell that it is one session. `how` is as in its field. Each is noted once, as it happens.
local function note_move(how, store)
  local moves = store.tag .. 'l'
  redis.call('ZADD', moves, store.now, how)
  redis.call('ZREMRANGEBYSCORE', moves, '-inf', store.now - 30000)
  redis.call('PEXPIRE', moves, 30000)
end
