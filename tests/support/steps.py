"""Doing something at the steps of a call, beneath both shells: before one is sent, or behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from inspect import isawaitable
from itertools import count
from typing import Any

from sessionstore import TimedOut
from sessionstore._core.operation import Operation, Step

__all__ = ["answers_lost", "around", "before", "is_saving", "nothing_arrives", "under_way"]

At = Callable[[Step], None]


@contextmanager
def around(
    store: Any, *, sent: At = lambda step: None, answered: At = lambda step: None
) -> Iterator[None]:
    """Do something before each step is `sent`, and something else when it was `answered`."""
    driver, answer = store._driver, store._driver._answer

    async def awaited(step: Step, reply: Awaitable[Any]) -> Any:
        found = await reply
        answered(step)
        return found

    def taken(step: Step) -> Any:
        sent(step)
        reply = answer(step)
        if isawaitable(reply):
            return awaited(step, reply)
        answered(step)
        return reply

    driver._answer = taken
    try:
        yield
    finally:
        del driver._answer


@contextmanager
def before(store: Any, script: str, act: Callable[[int], None]) -> Iterator[None]:
    """Do something before each call of a script is sent; it is told the number of the call."""
    numbers = count(1)

    def sent(step: Step) -> None:
        if isinstance(step, Operation) and step.script.name == script:
            act(next(numbers))

    with around(store, sent=sent):
        yield


def is_saving(step: Step) -> bool:
    return isinstance(step, Operation) and step.script.name in ("save", "close", "merge")


@contextmanager
def under_way(store: Any, meanwhile: Callable[[], None]) -> Iterator[None]:
    """Do something once, after a save has left and before its answer is here."""
    left = [meanwhile]

    def answered(step: Step) -> None:
        if is_saving(step) and left:
            left.pop()()

    with around(store, answered=answered):
        yield
    assert not left, "nothing was saved"


@contextmanager
def answers_lost(store: Any, *, any_call: bool = False) -> Iterator[None]:
    """Let every save land (or any call), and its answer be lost."""

    def answered(step: Step) -> None:
        if any_call or is_saving(step):
            raise TimedOut("the answer was lost")

    with around(store, answered=answered):
        yield


@contextmanager
def nothing_arrives(store: Any) -> Iterator[None]:
    """Let no save arrive, without anybody knowing that."""

    def sent(step: Step) -> None:
        if is_saving(step):
            raise TimedOut("the request was lost")

    with around(store, sent=sent):
        yield
