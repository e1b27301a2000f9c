-- What a session must enter, names and values in turn, when a value beside it has grown by so many bytes, or begins to
-- be there; `value` is what the field holds. Answers nil and the refusal instead, if that, with `ahead` bytes more that
-- are to follow, is more than the session may hold, or if it is the 501st value.
--@use kept
local function weigh(s, field, value, grown, ahead, store)
  local known = redis.call('HEXISTS', s.session, field) == 1
  local now = string.sub(value, 1, 16) .. string.format('%.0f', tonumber(string.sub(value, 17)) + grown)
  local before = tonumber(s.size)
  local size = before + grown + #now - #value + (known and 0 or #field + #value)
  if not known and #kept(s, store) >= 500 then return nil, {'LIMIT', 500, 'kept'} end
  if store.max_bytes and size + ahead > store.max_bytes and size + ahead > before then
    return nil, {'TOOBIG', size + ahead, store.max_bytes}
  end
  return {field, now, 'b', size, 'p', '1'}
end
