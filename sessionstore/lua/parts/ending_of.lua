-- Is somebody ending all sessions of an owner, while one of them gets another id? Answers the ticket of that call and
-- its reason, or nil. What a call keeps, it keeps under the new id, too.
local function ending_of(owner, source, target, store)
  local ending, ticket, reason = store.tag .. 'e:' .. owner, nil, nil
  local calls = redis.call('HGETALL', ending)
  for i = 1, #calls, 2 do
    local call, why = calls[i], calls[i + 1]
    if #call == 16 and tonumber(string.sub(why, 1, 13)) > store.now then
      if redis.call('HEXISTS', ending, call .. ' ' .. source) == 1 then
        redis.call('HSET', ending, call .. ' ' .. target, '')
      else
        ticket, reason = call, string.sub(why, 14)
      end
    end
  end
  return ticket, reason
end
