#!lua
-- Tell what a running job has to say, to the sinks of its session.
--
-- KEYS[1] job         {P:B}j:JID  hash
-- KEYS[2] parameters  {P:B}p      hash
-- ARGV[1] token      of the start that runs
-- ARGV[2] number     of this report of the token; one that is repeated is not told again
-- ARGV[3] fields     how many pairs for the hash come first: questions, files, its progress and status
-- ARGV[4...] events  names and values of these fields; then types and bodies of events in turn
-- Derives  {P:B}jg:GROUP, {P:B}je:GROUP, {P:B}jb:JID
-- Returns  'TOLD' | {'OVER', state, why} | 'LOST'
local job = KEYS[1]
local parameters = KEYS[2]
local token = ARGV[1]
local number = tonumber(ARGV[2])
local fields = tonumber(ARGV[3])
--@use begin
--@use read_job
--@use check_token
--@use tell

local store = begin(parameters)
local j = read_job(string.sub(job, #store.tag + 3), store)
local refusal = check_token(j, token, store)
if refusal then return refusal end
tell(j, number, fields, ARGV, 4, store)
return 'TOLD'
