-- Enter that what is kept under a field has grown by so many bytes, or begins to be kept there.
-- Answers the refusal, if that is more than the session may hold or the 501st; `value` is what the field holds.
local function weigh(s, field, value, grown, store)
  local known = redis.call('HEXISTS', s.session, field) == 1
  local now = string.sub(value, 1, 16) .. string.format('%.0f', tonumber(string.sub(value, 17)) + grown)
  local size = tonumber(s.size) + grown + #now - #value + (known and 0 or #field + #value)
  if not known and #kept(s, store) >= 500 then return {'LIMIT', 500, 'kept'} end
  if store.max_bytes and size > store.max_bytes and size > tonumber(s.size) then return {'TOOBIG', size, store.max_bytes} end
  redis.call('HSET', s.session, field, now, 'b', size, 'p', '1')
  return nil
end
