#!lua flags=no-writes
-- Read a page of a bucket's events.
--
-- KEYS[1] events  {P:B}ev  stream
-- ARGV[1] after  the id of the last event read; - at first
-- ARGV[2] page   how many, at most 500
-- Derives  none
-- Returns  {{id, {name, value, ...}}, ...}
local events = KEYS[1]
local after = ARGV[1]
local page = tonumber(ARGV[2])
return redis.call('XRANGE', events, after, '+', 'COUNT', page)
