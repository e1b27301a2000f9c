"""The wildcards of names: `*`, `?` and `"`."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionstore.dialects.soul._wildcards import exactly, literal, matches, matching

NAMES = st.text(alphabet='ab*?"[.\n', max_size=6)


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("*", ["", "A", "A B", "A\nB"], []),
        ("", [""], ["A"]),
        ("ST*", ["ST", "STA", "STAB"], ["TS", "AST", "st"]),
        ("*ST", ["ST", "AST"], ["STA"]),
        ("A*B*C", ["ABC", "AxBxC", "ABBC"], ["AC", "ABCD"]),
        # The page's example counts longer names as well; one `?` is one character.
        ("ST??", ["STAB", "ST??"], ["ST", "STA", "STABC"]),
        ("?", ["A", "?", "\n"], ["", "AB"]),
        ('"*', ["*"], ["", "A", '"*']),
        ('"?A', ["?A"], ["BA"]),
        ('""', ['"'], ["", '""']),
        ('A"B', ["AB"], ['A"B']),
        ('A"', ["A"], ['A"']),
        ("A.C", ["A.C"], ["ABC"]),
        ("[AB]", ["[AB]"], ["A"]),
        ('"[A"]', ["[A]"], ["A", '"[A]']),
        ("[!A]*[", ["[!A][", "[!A]x["], ["B", "[!A]"]),
        ("Ä?", ["Äö"], ["äö"]),
    ],
)
def test_a_pattern_fits_these_and_not_those(
    pattern: str, fits: list[str], fits_not: list[str]
) -> None:
    assert [name for name in fits if not matches(name, pattern)] == []
    assert [name for name in fits_not if matches(name, pattern)] == []


@given(st.lists(st.sampled_from(["*", "?", "a", "b", '"*', '"?', '""', "["]), max_size=8), NAMES)
def test_a_pattern_fits_what_its_first_part_and_its_rest_fit(parts: list[str], name: str) -> None:
    def fits(parts: list[str], name: str) -> bool:  # the plainest way to say it, which takes ages
        if not parts:
            return not name
        if parts[0] == "*":
            return any(fits(parts[1:], name[at:]) for at in range(len(name) + 1))
        return (
            bool(name) and parts[0] in ("?", f'"{name[0]}', name[0]) and fits(parts[1:], name[1:])
        )

    assert matches(name, "".join(parts)) is fits(parts, name)


@pytest.mark.parametrize("pattern", ["*a" * 8 + "b", "*a" * 120 + "b", "*?" * 120 + "b", "*" * 255])
def test_no_pattern_takes_ages(pattern: str) -> None:
    begun = time.process_time()
    for name in ("a" * 60, "a" * 255, "ab" * 127):
        matches(name, pattern)
    assert time.process_time() - begun < 1


def test_those_that_fit_come_in_order() -> None:
    assert matching(["B", "AB", "A", "C"], "*B") == ["AB", "B"]


@given(NAMES, NAMES)
def test_the_pattern_of_exactly_one_name_fits_no_other(name: str, other: str) -> None:
    assert matches(name, exactly(name))
    assert matches(other, exactly(name)) is (name == other)
    assert literal(exactly(name)) == name


@given(NAMES, NAMES)
def test_what_is_literal_fits_only_itself(pattern: str, name: str) -> None:
    one = literal(pattern)
    if one is not None:
        assert matches(name, pattern) is (name == one)
