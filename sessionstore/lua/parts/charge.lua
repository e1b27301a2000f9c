-- Charge a session for a value beside it that has grown by so many bytes, or is new. `value` is what its field holds.
-- Answers what to write into the session, names and values in turn; or nil and the refusal. It is refused if the
-- session would then hold more than it may, with `ahead` bytes more that will follow, or if it is the 501st value.
--@use keys_beside
local function charge(s, field, value, grown, ahead, store)
  local known = redis.call('HEXISTS', s.session, field) == 1
  local now = string.sub(value, 1, 16) .. string.format('%d', tonumber(string.sub(value, 17)) + grown)
  local before = tonumber(s.size)
  local size = before + grown + #now - #value + (known and 0 or #field + #value)
  if not known and #keys_beside(s, store) >= 500 then return nil, {'LIMIT', 500, 'kept'} end
  if store.max_bytes and size + ahead > store.max_bytes and size + ahead > before then
    return nil, {'TOOBIG', size + ahead, store.max_bytes}
  end
  return {field, now, 'b', size, 'p', '1'}
end
