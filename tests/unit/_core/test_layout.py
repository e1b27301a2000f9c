"""The legend of the hash is that of the scripts, and nobody else knows the letters."""

from __future__ import annotations

import re

import pytest

from sessionstore._core import layout
from tests.house.lua_header import without_comments
from tests.house.sources import ROOT

LUA = ROOT / "sessionstore" / "lua"
CORE = ROOT / "sessionstore" / "_core"
OF_JOBS = re.compile(
    r"local function (?!end_session)\w*(?:jobs?|group|ring|tell|token|post)\w*\(|'jg:'"
)
"""What tells the fragments that are about jobs, whose legend is another."""

TEXTS = {
    path.stem: text
    for path in LUA.rglob("*.lua")
    if path.parent.name not in ("jobs", "queues")
    and not OF_JOBS.search(text := without_comments(path.read_text("utf-8")))
}

HOW_HELD = set("ogcw")
"""The letters of a holder, and not of a field."""

LETTER = re.compile(r"'([a-z])'")
NO_FIELD = re.compile(
    r"\.\. '[a-z]'"  # the end of a key
    r"|[=~]= '[a-z]'|and '[a-z]' or '[a-z]'|s\.mark = '[a-z]'|, 'g', string"  # how it is held
    r"|redis\.call\('XADD'.*?\)\n",  # an event has letters of its own
    re.DOTALL,
)


def letters(*names: str) -> set[str]:
    """The one-letter names of fields in some scripts and fragments."""
    return {letter for name in names for letter in LETTER.findall(NO_FIELD.sub("", TEXTS[name]))}


def as_text(fields: frozenset[bytes]) -> set[str]:
    return {field.decode() for field in fields}


def legend(after: str) -> list[str]:
    """The letters of a table in the legend."""
    assert layout.__doc__ is not None
    table = layout.__doc__.partition(after)[2].lstrip("\n").partition("\n\n")[0]
    return re.findall(r"^    ([a-z])  \w", table, re.MULTILINE)


def test_the_scripts_use_the_fields_of_the_legend_and_no_others() -> None:
    assert letters(*TEXTS) == as_text(layout.FIELDS | layout.TOMBSTONE)


def test_a_session_that_ends_leaves_a_tombstone_with_the_fields_of_the_legend() -> None:
    assert letters("end_session", "retire") == as_text(layout.TOMBSTONE)


@pytest.mark.parametrize(
    ("after", "fields"),
    [
        ("what writes content.", layout.FIELDS),
        ("and for half a minute at least:", layout.TOMBSTONE),
    ],
)
def test_the_legend_tells_of_each_field_once(after: str, fields: frozenset[bytes]) -> None:
    assert sorted(legend(after)) == sorted(as_text(fields))


def test_each_field_has_one_constant() -> None:
    constants = [value for value in vars(layout).values() if isinstance(value, bytes)]
    assert len(constants) == len(set(constants))
    named = {value for value in constants if value.isalpha()}
    assert named == layout.FIELDS | layout.TOMBSTONE


@pytest.mark.parametrize("name", [path.name for path in sorted(CORE.glob("*.py"))])
def test_nobody_else_knows_the_letters(name: str) -> None:
    found = re.findall(r"b\"(?:[a-z]|[.@:][ltx]?)\"", (CORE / name).read_text("utf-8"))
    assert bool(found) == (name == "layout.py"), found
