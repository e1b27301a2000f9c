#!lua flags=allow-oom
-- End a page of an owner's sessions, but for one that is kept; those that are open end when they are closed. Until
-- stop_ending says that all pages are done, or a minute is over, a session that the owner has and that gets another id
-- here ends as well (see arrive), and the kept one may get another.
--
-- KEYS[1] owned       {P:B}o:OWNER  zset
-- KEYS[2] ending      {P:B}e:OWNER  hash
-- KEYS[3] parameters  {P:B}p        hash
-- ARGV[1] ticket  names the call: a page that is asked for again is counted once
-- ARGV[2] reason  why they end
-- ARGV[3] keep    a SID; empty: none
-- ARGV[4] cursor  as the last page gave it; 0 at first
-- Derives  {P:B}s:SID, {P:B}x, {P:B}o:OWNER, {P:B}ev, {P:B}q, {P:B}w:SID, {P:B}g:TICKET, {P:B}v:ID
-- Returns  {cursor, sessions of all pages so far, {moving sid, how, ...}, {what is left to be done elsewhere, ...}}
local owned = KEYS[1]
local ending = KEYS[2]
local parameters = KEYS[3]
local ticket = ARGV[1]
local reason = ARGV[2]
local keep = ARGV[3]
local cursor = ARGV[4]
--@use begin
--@use look
--@use note_lapse
--@use end_session
--@use end_missing

local store = begin(parameters)
if redis.call('HGET', ending, ticket) == '0000000000000' then return {'0', 0, {}, {}} end
-- Its fields: TICKET, until when and why; TICKET SID, what is kept; TICKET=, how many; TICKET#CURSOR, a page is done.
redis.call('HSET', ending, ticket, string.format('%013d%s', store.now + 60000, reason), ticket .. ' ' .. keep, '')
redis.call('PEXPIRE', ending, 60000)

local page = redis.call('ZSCAN', owned, cursor, 'COUNT', 100)
local first = redis.call('HSETNX', ending, ticket .. '#' .. cursor, '')
local ended, moving, left = 0, {}, {}
for i = 1, #page[2], 2 do
  local s = look(store.tag .. 's:' .. page[2][i], store)
  local from = s and s.moving and string.match(s.moving, '^< %S+ (.*)$')
  if not s then end_missing(page[2][i], string.sub(owned, #store.tag + 3), store)
  elseif from and redis.call('HEXISTS', ending, ticket .. ' ' .. from) == 1 then
    redis.call('HSET', ending, ticket .. ' ' .. s.sid, '')
  elseif redis.call('HEXISTS', ending, ticket .. ' ' .. s.sid) == 0 then
    if s.in_transit then moving[#moving + 1], moving[#moving + 2] = s.sid, s.moving end
    if not s.over and (s.held or s.in_transit) then
      local noted = redis.call('HSETNX', s.session, 'd', ticket .. ' ' .. reason)
      -- From now on it ends with its lease at the latest: that is its place in the indexes.
      for _, index in ipairs(s.lease_end and {store.tag .. 'x', owned} or {}) do
        redis.call('ZADD', index, 'LT', s.lease_end, s.sid)
      end
      -- One that arrives is counted where it comes from, as long as it stands there.
      if not from or redis.call('HEXISTS', store.tag .. 's:' .. from, 'h') == 0 then
        ended = ended + math.max(first, noted)
      end
    elseif not s.over then
      if s.lapsed then note_lapse(s, store) end
      s.deleter, s.over = ticket, reason
      for _, what in ipairs(end_session(s, store)) do left[#left + 1] = what end
      ended = ended + 1
    end
  end
end
local total = (redis.call('HGET', ending, ticket .. '=') or 0) + ended
redis.call('HSET', ending, ticket .. '=', total)
return {page[1], total, moving, left}
