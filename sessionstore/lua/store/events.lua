#!lua flags=no-writes
-- Read a page of a bucket's events: those that the caller may know of, and how far they go.
--
-- KEYS[1] events  {P:B}ev  stream
-- ARGV[1] after  the id of the last event read, with a ( before it; - at first
-- ARGV[2] page   how many to look at, at most 500
-- ARGV[3] user   the acting user, if not privileged; empty: anybody's events are visible
-- Derives  none
-- Returns  {last, more, {id, kind, sid, owner, reason}, ...}; last: the id of the last event looked at, empty if there
--          was none; more: 1 if there may be more
local events = KEYS[1]
local after = ARGV[1]
local page = tonumber(ARGV[2])
local user = ARGV[3]
--@use visible

local found = redis.call('XRANGE', events, after, '+', 'COUNT', page)
local rows = {#found > 0 and found[#found][1] or '', #found == page and 1 or 0}
for _, event in ipairs(found) do
  local id, told = event[1], event[2] -- names and values in turn, as emit has them
  if visible({owner = told[6]}, '{any}', user) then rows[#rows + 1] = {id, told[2], told[4], told[6], told[8]} end
end
return rows
