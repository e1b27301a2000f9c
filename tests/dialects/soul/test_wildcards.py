"""The wildcards of names: `*`, `?` and `"`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionstore.dialects.soul.wildcards import exactly, literal, matches, matching

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
        ("Ä?", ["Äö"], ["äö"]),
    ],
)
def test_a_pattern_fits_these_and_not_those(
    pattern: str, fits: list[str], fits_not: list[str]
) -> None:
    assert [name for name in fits if not matches(name, pattern)] == []
    assert [name for name in fits_not if matches(name, pattern)] == []


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
