"""What a caller says is understood as it is meant, or refused."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionstore._shell.calls import matches

IDS = st.text(alphabet="ab*?[]!", max_size=6)


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("*", ["", "a", "a\nb"], []),
        ("", [""], ["a"]),
        ("a*b", ["ab", "aab", "a\nb"], ["abc", "b"]),
        ("??", ["ab"], ["a", "abc"]),
        ("[a]", ["[a]"], ["a"]),
        ("[!a]*", ["[!a]", "[!a]b"], ["b"]),
        ("a.c\\", ["a.c\\"], ["abc\\"]),
    ],
)
def test_a_pattern_fits_these_and_not_those(
    pattern: str, fits: list[str], fits_not: list[str]
) -> None:
    assert [id for id in fits if not matches(id, pattern)] == []
    assert [id for id in fits_not if matches(id, pattern)] == []


@given(st.text(alphabet="ab*?[", max_size=6), IDS)
def test_a_pattern_fits_what_its_first_part_and_its_rest_fit(pattern: str, id: str) -> None:
    def fits(pattern: str, id: str) -> bool:  # the plainest way to say it, which takes ages
        if not pattern:
            return not id
        if pattern[0] == "*":
            return any(fits(pattern[1:], id[at:]) for at in range(len(id) + 1))
        return bool(id) and pattern[0] in ("?", id[0]) and fits(pattern[1:], id[1:])

    assert matches(id, pattern) is fits(pattern, id)


@pytest.mark.parametrize("pattern", ["*a" * 8 + "b", "*a" * 490 + "b", "*?" * 490 + "b", "*" * 999])
def test_no_pattern_takes_ages(pattern: str) -> None:
    begun = time.process_time()
    for id in ("a" * 60, "a" * 255, "ab" * 127):
        matches(id, pattern)
    assert time.process_time() - begun < 1
