"""Functions become jobs: their names, their options, and what they want to be given."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from tenacity import RetryCallState
from tenacity.wait import wait_base

from sessionstore import ConfigError, JobRefused
from sessionstore.jobs import Engine, find_definition
from sessionstore.jobs import engine as module


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    before = dict(module._definitions)
    yield
    module._definitions.clear()
    module._definitions.update(before)


def defined(function: Callable[..., Any], **options: Any) -> Any:
    Engine("Unit").job("One", **options)(function)
    return find_definition("Unit.One")


def test_a_function_stays_as_it_is() -> None:
    def one(job: Any, a: int) -> int:
        return a

    assert Engine("Unit").job("One")(one) is one
    assert find_definition("Unit.One") is not None
    assert find_definition("Unit.Two") is None


def test_a_name_is_given_once() -> None:
    engine = Engine("Unit")
    engine.job("One")(lambda job: None)

    def other(job: Any) -> None: ...

    with pytest.raises(ConfigError, match=r"another job Unit\.One"):
        engine.job("One")(other)


@pytest.mark.parametrize("name", ["", "a.b", "1a", "a b", "x" * 65, None])
def test_a_name_is_one_word(name: Any) -> None:
    with pytest.raises(ConfigError):
        Engine(name)
    with pytest.raises(ConfigError):
        Engine("Unit").job(name)


@pytest.mark.parametrize(
    "options",
    [
        {"queue": "a b"},
        {"timeout": -1},
        {"attempts": 0},
        {"backoff": 3},
        {"retry_on": "ValueError"},
        {"on_logout": "wait"},
        {"may_lose": -1},
        {"grace": "5"},
    ],
)
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        defined(lambda job: None, **options)


def test_only_what_is_not_usual_becomes_a_field() -> None:
    assert defined(lambda job: None).fields == {}
    found = defined(lambda job: None, grace=1, keep=60, may_lose=0, on_logout="orphan", priority=2)
    assert found.fields == {"h": 1000, "v": 60_000, "y": 0, "r": "oc", "e": 2000}


class Says(wait_base):
    """A wait strategy that says what it is told to, or raises it."""

    def __init__(self, said: Any) -> None:
        self.said = said

    def __call__(self, retry_state: RetryCallState) -> float:
        if isinstance(self.said, Exception):
            raise self.said
        return self.said  # type: ignore[no-any-return]


CENTURY_MS = 36_500 * 86_400_000


@pytest.mark.parametrize(
    ("said", "delay_ms"),
    [
        (0.05, 50),
        (0, 0),
        (-1, 0),
        (-math.inf, 0),
        (1e12, CENTURY_MS),
        pytest.param(10**400, 1000, id="huge"),
        (math.inf, CENTURY_MS),
        (math.nan, 1000),
        ("soon", 1000),
        (None, 1000),
        (ValueError("no"), 1000),
    ],
)
def test_a_job_is_tried_again_in_a_time_that_there_is(said: Any, delay_ms: int) -> None:
    definition = defined(lambda job: None, backoff=Says(said))
    assert definition.delay_ms(1) == delay_ms


def test_the_usual_backoff_grows_and_stays_bounded() -> None:
    definition = defined(lambda job: None)
    for tries in (1, 5, 100, 10_000):
        assert 0 <= definition.delay_ms(tries) <= 600_000


@pytest.mark.parametrize(
    "function",
    [lambda: None, lambda *job: None, lambda job, *more: None, lambda job, a, /: None, 3],
)
def test_a_function_takes_a_job_and_names(function: Any) -> None:
    with pytest.raises(ConfigError):
        defined(function)


def rows(  # noqa: PLR0917 - as jobs are
    job: Any,
    count: int,
    share: float = 0.5,
    name: str | None = None,
    kind: Literal["a", "b"] = "a",
    parts: list[int] | None = None,
    more: dict[str, int] | None = None,
    any_: Any = None,
    odd: Callable[[], int] | None = None,
) -> None: ...


@pytest.mark.parametrize(
    "given",
    [
        {"count": 1},
        {"count": 1, "share": 1, "name": None, "kind": "b"},
        {"count": 1, "parts": [1, 2], "more": {"a": 1}, "any_": object()},
    ],
)
def test_what_fits_is_taken(given: dict[str, Any]) -> None:
    defined(rows).check(given)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "lacks count"),
        ({"count": "1"}, "wants count as int, not str"),
        ({"count": True}, "wants count as int, not bool"),
        ({"count": 1, "share": "x"}, "wants share as float"),
        ({"count": 1, "name": 2}, "wants name as str | None"),
        ({"count": 1, "kind": "c"}, "wants kind as"),
        ({"count": 1, "parts": ["x"]}, "wants parts as"),
        ({"count": 1, "more": {1: 1}}, "wants more as"),
        ({"count": 1, "other": 1}, "takes no other"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(JobRefused) as caught:
        defined(rows).check(given)
    assert caught.value.limit == "parameters"
    assert why in caught.value.why


def test_a_function_may_take_any_names() -> None:
    defined(lambda job, **more: None).check({"a": 1, "b": 2})
