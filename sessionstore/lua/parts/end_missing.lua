-- End a session whose key has expired before anybody looked at it: take it out of the indexes, and tell of its end,
-- unless somebody has. As long as it is in the index of the bucket, nobody has. One that was on its way here has not
-- begun here, as its score there says; its end is told where it came from. Who does not know its owner gives nil.
--@use note_missing
local function end_missing(sid, owner, store)
  if not owner then
    --@use owner_of
    owner = owner_of(sid, store)
  end
  if owner ~= '' then redis.call('ZREM', store.tag .. 'o:' .. owner, sid) end
  local score = redis.call('ZSCORE', store.tag .. 'x', sid)
  if not score then return end
  redis.call('ZREM', store.tag .. 'x', sid)
  note_missing(sid, tonumber(score) % 1 == 0 and owner, store)
end
