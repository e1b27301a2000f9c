-- A page of what is due in an index, in its order. Answers the members, the cursor of the next page (empty if this is
-- the last), and how many are due behind this page. The cursor is empty at first; then it holds the time of the first
-- page, which is due for all of them, and the place of the last one that was looked at: score and member. So nobody
-- who leaves the index, or stays due, shifts another, and it ends whatever becomes due meanwhile.
local function due_page(index, cursor, most, store)
  local until_, score, member = string.match(cursor, '^(%S+) (%S+) (.*)$')
  local first, last = 0, 0
  if member then
    first = redis.call('ZCOUNT', index, '-inf', '(' .. score)
    last = redis.call('ZCOUNT', index, '-inf', score)
  else
    until_ = string.format('%d', store.now)
  end
  while first < last do -- among those of the same score, in the order of their bytes; < follows the locale
    local middle, at = math.floor((first + last) / 2), 1
    local there = redis.call('ZRANGE', index, middle, middle)[1]
    while at <= #there and string.byte(there, at) == string.byte(member, at) do at = at + 1 end
    if (string.byte(there, at) or -1) > (string.byte(member, at) or -1) then last = middle else first = middle + 1 end
  end
  local behind = redis.call('ZCOUNT', index, '-inf', until_) - first
  if behind <= 0 then return {}, '', 0 end
  local page = redis.call('ZRANGE', index, first, first + math.min(most, behind) - 1)
  behind = behind - #page
  if behind == 0 then return page, '', 0 end
  return page, until_ .. ' ' .. redis.call('ZSCORE', index, page[#page]) .. ' ' .. page[#page], behind
end
