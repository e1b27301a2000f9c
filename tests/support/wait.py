"""The one place where tests wait: for a condition, never for a time."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["until", "wait_until"]

T = TypeVar("T")

POLL_SECONDS = 0.01


def wait_until(
    predicate: Callable[[], T],
    what: str,
    *,
    timeout: float = 10.0,
    ignore: tuple[type[Exception], ...] = (),
) -> T:
    """Return the first true value of the predicate, asked every few milliseconds.

    Args:
        predicate: is called at least once, and once more when the time is over.
        what: what is waited for, as in "not within 10 s: WHAT".
        timeout: seconds.
        ignore: errors of the predicate that mean "not yet".

    Raises:
        AssertionError: the time is over; the message says what was seen last.
    """
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() > deadline
        seen: object
        try:
            value = predicate()
        except ignore as error:
            seen = error
        else:
            if value:
                return value
            seen = value
        if late:
            raise AssertionError(f"not within {timeout:g} s: {what} (last: {seen!r})")
        time.sleep(POLL_SECONDS)


async def until(
    predicate: Callable[[], Awaitable[T] | T],
    what: str,
    *,
    timeout: float = 10.0,  # noqa: ASYNC109
) -> T:
    """Return the first true value of a predicate, awaited or not; `wait_until` for asyncio."""
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() > deadline
        asked = predicate()
        value: T = await asked if inspect.isawaitable(asked) else asked
        if value:
            return value
        if late:
            raise AssertionError(f"not within {timeout:g} s: {what} (last: {value!r})")
        await asyncio.sleep(POLL_SECONDS)
