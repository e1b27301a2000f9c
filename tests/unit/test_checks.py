"""Durations become whole milliseconds, never less than asked for."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionstore import ConfigError, Parameters
from sessionstore._checks import milliseconds
from sessionstore._core.parameters import as_stored, from_stored


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (0, 0),
        (1, 1000),
        (0.1, 100),
        (0.3, 300),
        (0.0015, 2),
        (0.0001, 1),
        (timedelta(microseconds=2), 1),
        (timedelta(days=36_500), 36_500 * 86_400_000),
    ],
)
def test_durations_are_rounded_up(duration: float | timedelta, expected: int) -> None:
    assert milliseconds(duration, "x") == expected


@given(st.integers(min_value=0, max_value=10**10))
def test_whole_milliseconds_stay_what_they_are(count: int) -> None:
    assert milliseconds(timedelta(milliseconds=count), "x") == count
    assert milliseconds(count / 1000, "x") == count


@given(st.floats(max_value=-0.001) | st.just(float("nan")) | st.floats(min_value=4e9))
def test_no_other_number_is_a_duration(number: float) -> None:
    with pytest.raises(ConfigError, match="lease"):
        milliseconds(number, "lease")


def test_parameters_survive_being_stored() -> None:
    some = Parameters(lifetime=timedelta(seconds=5), max_bytes=None, at_limit="evict")
    given = {field.name: getattr(some, field.name) for field in fields(some)}
    assert from_stored(as_stored(given)) == some
    assert from_stored({}) == Parameters()
    assert from_stored({"seats_private": "1", "of the future": "x"}) == Parameters()
