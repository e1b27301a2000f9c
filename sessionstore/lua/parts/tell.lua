-- Write down what a job reports, unless it has reported that before. From `first` on, `given` holds `fields` pairs for
-- its hash, and then types and bodies of events in turn. In silence nothing is told. A file that is named anew takes
-- the place of the one before.
--@use post
local function tell(job, number, fields, given, first, store)
  local key = store.tag .. 'j:' .. job.id
  if number <= tonumber(redis.call('HGET', key, 'N') or 0) then return end
  local pairs_ = {'N', number}
  for i = first, first + 2 * fields - 1 do
    pairs_[#pairs_ + 1] = given[i]
    if (i - first) % 2 == 0 and string.byte(given[i]) == 42 then
      local files, before = store.tag .. 'jb:' .. job.id, redis.call('HGET', key, given[i])
      local number, size = string.match(before or '', '^(%d+) (%d+)$')
      for at = 0, number and number ~= string.match(given[i + 1], '^%d+') and size / 262144 or -1 do
        redis.call('HDEL', files, string.format('%s:%d', number, at))
      end
      redis.call('PEXPIRE', files, 604800000)
      job.files = '1'
    end
  end
  if job.files then pairs_[#pairs_ + 1], pairs_[#pairs_ + 2] = 'F', 1 end
  redis.call('HSET', key, unpack(pairs_))
  if job.silent then return end
  for i = first + 2 * fields, #given, 2 do post(job.group, job.id, given[i], given[i + 1], '', store) end
end
