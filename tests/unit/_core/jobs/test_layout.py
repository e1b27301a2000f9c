"""The legend of jobs tells of each field that it lists, once."""

from __future__ import annotations

import re

import pytest

from sessionstore._core.jobs import layout


def legend(after: str) -> list[str]:
    """The letters of a table in the legend."""
    assert layout.__doc__ is not None
    table = layout.__doc__.partition(after)[2].lstrip("\n").partition("\n\n")[0]
    return re.findall(r"^    (\w)  \w", table, re.MULTILINE)


@pytest.mark.parametrize(
    ("after", "fields"),
    [("A job:\n", layout.JOB), ("wherever the session goes.\n", layout.GROUP)],
)
def test_the_legend_tells_of_each_field_once(after: str, fields: frozenset[str]) -> None:
    assert sorted(legend(after)) == sorted(fields)


def test_an_event_has_the_fields_that_are_told() -> None:
    assert layout.__doc__ is not None
    told = layout.__doc__.partition("An event in the stream")[2]
    assert set(re.findall(r"`(\w)` \w", told)) == layout.EVENT
