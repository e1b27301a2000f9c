#!lua flags=allow-oom
-- Take the turn at something that one of many is to do now and then; the next turn is due after a while, whatever
-- becomes of whoever has this one.
--
-- KEYS[1] turn  {P:store}t:WHAT  string
-- ARGV[1] ticket  names this call: repeated, it gets the same answer
-- ARGV[2] every   ms
-- Derives  none
-- Returns  {1, or 0: somebody else has it}
local turn = KEYS[1]
local ticket = ARGV[1]
local every = ARGV[2]
if redis.call('SET', turn, ticket, 'NX', 'PX', every) then return {1} end
return {redis.call('GET', turn) == ticket and 1 or 0}
