-- End a session whose key has expired before anybody looked at it: take it out of the indexes, and tell of its end,
-- unless somebody has. As long as it is in the index of the bucket, nobody has. Who does not know its owner gives nil.
--@use note_missing
local function end_missing(sid, owner, store)
  if not owner then
    --@use owner_of
    owner = owner_of(sid, store)
  end
  if owner ~= '' then redis.call('ZREM', store.tag .. 'o:' .. owner, sid) end
  if redis.call('ZREM', store.tag .. 'x', sid) == 1 then note_missing(sid, owner, store) end
end
