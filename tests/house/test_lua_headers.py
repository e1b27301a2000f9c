"""A script is a file with its contract on top, and it keeps the contract."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from sessionstore._core import scripts
from tests.house.lua_header import (
    check_fragment,
    check_script,
    check_whole,
    needs,
    parse,
    without_comments,
)
from tests.house.sources import ROOT, in_tree

LUA = ROOT / "sessionstore" / "lua"
FOLDERS = sorted(path for path in LUA.iterdir() if path.is_dir() and path.name != "parts")
FILES = [path for folder in FOLDERS for path in sorted(folder.glob("*.lua"))]
SCRIPTS = {path.stem: path.read_text(encoding="utf-8") for path in FILES}
FRAGMENTS = {
    path.stem: path.read_text(encoding="utf-8") for path in sorted((LUA / "parts").glob("*.lua"))
}


def test_there_are_scripts_and_no_stray_ones() -> None:
    assert SCRIPTS
    stray = set((ROOT / "sessionstore").rglob("*.lua")) - {*FILES}
    assert not [in_tree(path) for path in stray - {*(LUA / "parts").glob("*.lua")}]


def test_no_two_scripts_have_one_name() -> None:
    names = Counter(path.stem for path in FILES)
    assert not [name for name, number in names.items() if number > 1]
    assert sorted(names) == scripts.names()


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_keeps_its_contract(name: str) -> None:
    complaints = check_script(SCRIPTS[name], FRAGMENTS)
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_has_all_that_it_needs_where_it_needs_it(name: str) -> None:
    text = scripts.load(name).text
    complaints = check_whole(text, FRAGMENTS)
    assert not complaints, "\n".join(complaints)
    pasted = re.findall(r"^ *local function (\w+)", text, re.MULTILINE)
    assert {*pasted} & {*FRAGMENTS} == needs(SCRIPTS[name], FRAGMENTS)


@pytest.mark.parametrize("name", FRAGMENTS)
def test_the_fragment_is_one_function_that_knows_only_what_it_is_given(name: str) -> None:
    complaints = check_fragment(name, FRAGMENTS[name], FRAGMENTS)
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("name", FRAGMENTS)
def test_the_fragment_is_needed_by_two_scripts_at_least(name: str) -> None:
    users = [script for script, text in SCRIPTS.items() if name in needs(text, FRAGMENTS)]
    assert len(users) > 1, f"needed by {users or 'nobody'}; put it where it is used"


def test_the_example_that_is_shown_keeps_the_contract() -> None:
    readme = (LUA / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```lua\n(.*?)```", readme, re.DOTALL)
    now = {"now": "-- The time.\nlocal function now()\nend\n"}
    assert check_script(f"{example}return now() and 'CLOSED'\n", now) == []


# The parser itself, by planted faults. GOOD is right; each case below changes one thing in it.

GOOD = """\
#!lua flags=allow-oom
-- Give a session back and keep
-- what was written.
--
-- KEYS[1] session   {P:B}s:SID    hash
-- KEYS[2] index     {P:B}x        zset
-- ARGV[1] fence     what the caller's opening was told
-- ARGV[2] lease_ms  empty: the store's,
--                   which may be none
-- ARGV[3...] changes   name and value in turn
-- Derives  {P:B}g:TICKET, {P:B}ev
-- Returns  {'CLOSED'} | {'LOST'}
--          | {'GONE', reason}
local session = KEYS[1]
local index = KEYS[2]
local fence = ARGV[1]
local lease_ms = tonumber(ARGV[2])
--@use settle

local t = settle(session, lease_ms) -- KEYS[9] in a comment is nothing
for i = 3, #ARGV, 2 do redis.call('HSET', session, ARGV[i], ARGV[i + 1]) end
redis.call('ZADD', index, t, 'ARGV[9] in a string is nothing')
if lease_ms then
  --@use spare
  spare()
end
return {'CLOSED', fence}
"""
PARTS = {
    "now": "-- The time.\nlocal function now()\n  return redis.call('TIME')[1]\nend\n",
    "settle": "-- Settle it.\n--@use now\nlocal function settle(key, lease)\n  return now()\nend\n",
    "spare": "-- Seldom used.\nlocal function spare()\nend\n",
}


def test_a_good_script_has_no_complaint() -> None:
    assert check_script(GOOD, PARTS) == []


def test_a_header_is_read() -> None:
    header = parse(GOOD)
    assert [(i.kind, i.number, i.name, i.variadic) for i in header.items] == [
        ("KEYS", 1, "session", False),
        ("KEYS", 2, "index", False),
        ("ARGV", 1, "fence", False),
        ("ARGV", 2, "lease_ms", False),
        ("ARGV", 3, "changes", True),
    ]
    assert header.derives == ["{P:B}g:TICKET", "{P:B}ev"]
    assert header.returns == "{'CLOSED'} | {'LOST'} | {'GONE', reason}"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("#!lua flags=allow-oom", "-- lua", "line 1 is not"),
        ("allow-oom", "allow-everything", "no such flag: allow-everything"),
        ("-- Give a session", "-- give a session", "what it does is missing"),
        ("what was written.", "what was written", "what it does is missing"),
        (
            "local session = KEYS[1]",
            "local sess = KEYS[1]",
            "declared as session and bound to sess",
        ),
        ("local index = KEYS[2]\n", "", "KEYS[2] index is not bound"),
        ("-- ARGV[2] lease_ms", "-- ARGV[4] lease_ms", "ARGV are not numbered 1 to 3"),
        ("-- KEYS[2] index", "-- KEYS[3] index", "KEYS are not numbered 1 to 2"),
        ("-- ARGV[1] fence ", "-- ARGV[1] index ", "two are named index"),
        ("-- ARGV[1] fence ", "-- ARGV[1] settle ", "fragment of that name hides it"),
        ("ARGV[3...] changes   name and value in turn", "ARGV[3...] changes", "does not say"),
        ("-- ARGV[1] fence ", "-- ARGV[1...] fence ", "only the last ARGV may have dots"),
        ("return {'CLOSED', fence}", "return {ARGV[1]}", "ARGV[1] outside of its binding"),
        ("return {'CLOSED', fence}", "return {KEYS[1]}", "KEYS[1] outside of its binding"),
        ("return {'CLOSED', fence}", "return {#KEYS}", "KEYS outside of its binding"),
        ("-- ARGV[3...] changes   name and value in turn\n", "", "ARGV outside of its binding"),
        ("local fence = ARGV[1]", "local fence = ARGV[1] .. ARGV[2]", "ARGV[2] outside"),
        (
            "local fence = ARGV[1]",
            "local a = KEYS[5]\nlocal fence = ARGV[1]",
            "KEYS[5] is used and",
        ),
        ("local fence = ARGV[1]", "local fence = ARGV[1]\n" * 2, "bound twice"),
        (
            "local session = KEYS[1]\nlocal index = KEYS[2]",
            "local index = KEYS[2]\nlocal session = KEYS[1]",
            "order of the header",
        ),
        ("{P:B}x        zset", "{P:B}x        tree", "KEYS[2] ends with its type"),
        ("{P:B}x        zset", "x        zset", "KEYS[2] has no pattern with a tag"),
        ("{P:B}x        zset", "{P:B}x or y   zset", "KEYS[2] has no pattern with a tag"),
        ("{P:B}x        zset", "{P:C}x        zset", "one script, one slot"),
        ("{P:B}g:TICKET, ", "{P:C}g:TICKET, ", "derived key {P:C}g:TICKET does not start"),
        ("-- Derives  {P:B}g:TICKET, {P:B}ev\n", "", "Derives, then Returns; found Returns"),
        ("-- Derives  {P:B}g:TICKET, {P:B}ev", "-- Derives", "Derives says nothing"),
        ("-- Returns  ", "-- Gives  ", "found Derives"),
        ("-- KEYS[1] session ", "-- KEYS[1]session ", "not in the grammar"),
        ("-- Derives", "-- And some more prose.\n-- Derives", "prose belongs above"),
        ("--@use settle\n", "", "settle is called and not named above"),
        ("--@use settle", "--@use settle\n--@use now", "now is named and not called"),
        ("--@use settle", "--@use settle\n--@use settle", "settle is named twice"),
        ("--@use settle", "--@use settle\n--@use then", "no fragment then"),
        ("--@use settle", "-- @use settle", "misspelt"),
        ("  --@use spare\n", "", "spare is called and not named above"),
        (
            "  --@use spare\n  spare()\nend",
            "  --@use spare\nend\nspare()",
            "spare is called and not",
        ),
        (
            "  --@use spare\n  spare()\nend",
            "  --@use spare\nend\nspare()",
            "spare is named and not",
        ),
        ("  --@use spare\n  spare()", "  spare()\n  --@use spare", "spare is called and not named"),
        ("return {", f"return {{'{'x' * 120}', ", "more than 120"),
        ("return {", "redis.call('KEYS', '*') return {", "KEYS command"),
        ("return {", "redis.call('SCAN', 0, 'MATCH', 'x') return {", "needs its COUNT"),
        ("return {", "redis.call('zscan', index, 0) return {", "needs its COUNT"),
        ("return {", "local x = cmsgpack.pack(t) return {", "cmsgpack"),
        ("return {", "local x = bit.band(t, 1) return {", "bit is not"),
        ("return {", "local x = struct.pack('b', 1) return {", "struct is not"),
        ("return {", "if x then return redis.error_reply(t) end return {", "error_reply"),
        ("return {", "loadstring(t)() return {", "loadstring"),
        ("return {", "local x = redis.sha1hex(t) return {", "sha1hex"),
    ],
)
def test_a_planted_fault_in_a_script_is_named(old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    complaints = check_script(GOOD.replace(old, new, 1), PARTS)
    assert any(complaint in text for text in complaints), complaints


def test_a_key_may_be_of_two_patterns() -> None:
    either = GOOD.replace("{P:B}x        zset", "{P:B}x or {P:B}o:OWNER  zset")
    assert check_script(either, PARTS) == []


def test_any_number_of_keys_is_declared_with_dots() -> None:
    script = (
        "#!lua flags=no-writes\n-- Read many.\n-- KEYS[1...] sessions  {P:B}s:SID  hash\n"
        "-- Derives  none\n-- Returns  a list each\n"
        "local found = {}\nfor i = 1, #KEYS do found[i] = redis.call('HGETALL', KEYS[i]) end\n"
        "return found\n"
    )
    assert check_script(script, {}) == []


def test_a_scan_with_its_count_is_allowed() -> None:
    scan = "redis.call('SCAN', 0, 'MATCH', 'x', 'COUNT', 100) return {"
    assert check_script(GOOD.replace("return {", scan), PARTS) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("local function now()\nend\n", "what it does is missing"),
        ("-- The time.\nlocal function later()\nend\n", "one `local function now(...)`"),
        (PARTS["now"] + PARTS["spare"], "one `local function now(...)`"),
        ("-- The time.\nlocal x = 1\nlocal function now()\nend\n", "outside of the function"),
        ("-- The time.\nlocal function now()\n  return KEYS[1]\nend\n", "KEYS in a fragment"),
        ("-- The time.\n--@use spare\nlocal function now()\nend\n", "spare is named and not"),
        ("-- The time.\nlocal function now()\n  spare()\nend\n", "spare is called and not named"),
        (
            "-- The time.\n--@use settle\nlocal function now()\n  settle()\nend\n",
            "it needs itself",
        ),
        ("#!lua\n-- The time.\nlocal function now()\nend\n", "no `#!lua`"),
        ("-- The time.\nlocal function now()\n  bit.bor(1, 2)\nend\n", "bit is not"),
    ],
)
def test_a_planted_fault_in_a_fragment_is_named(text: str, complaint: str) -> None:
    complaints = check_fragment("now", text, PARTS)
    assert any(complaint in found for found in complaints), complaints


def test_good_fragments_have_no_complaint() -> None:
    assert [check_fragment(name, text, PARTS) for name, text in PARTS.items()] == [[], [], []]


def test_a_fragment_that_was_pasted_into_another_branch_is_out_of_reach() -> None:
    function = "  local function now()\n    return 1\n  end\n"
    good = f"if x then\n{function}  return now()\nend\n"
    assert check_whole(good, PARTS) == []
    assert check_whole(f"if x then\n{function}end\nreturn now()\n", PARTS) != []


def test_comments_go_and_lines_stay() -> None:
    text = "local a = '--no' -- yes\n--[[ long\n one ]] local b = [[ --no ]]\n"
    assert without_comments(text) == "local a = '--no'  \n\n local b = [[ --no ]]\n"
