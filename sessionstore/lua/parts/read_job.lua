-- A job as it is at this moment; nil if there is none. Nothing is written.
local function read_job(id, store)
  local v = redis.call('HMGET', store.tag .. 'j:' .. id, 's', 'g', 'o', 'q', 't', 'l', 'u', 'k', 'r', 'h', 'v', 'y',
    'x', 'c', 'd', 'm', 'a', 'e', 'S', 'T', 'F')
  if not v[1] then return nil end
  return {
    id = id, state = v[1], group = v[2], owner = v[3], queue = v[4], token = v[5], lease_end = tonumber(v[6]),
    cancel = v[7], key = v[8], policy = v[9] or 'cc', grace = tonumber(v[10] or 5000),
    keep = tonumber(v[11] or 3600000), may_lose = tonumber(v[12] or 3), lost = tonumber(v[13] or 0),
    created = tonumber(v[14]), due = tonumber(v[15]), max_wait = tonumber(v[16]), attempts = tonumber(v[17] or 0),
    head_start = v[18] or '0', silent = v[19], finished = v[20], live = v[1] == 'queued' or v[1] == 'running',
    files = v[21],
  }
end
