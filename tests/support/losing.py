"""Doing something while a save is under way, and losing answers, beneath both shells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sessionstore import TimedOut
from sessionstore._core.operation import Operation
from tests.support.worlds import World

__all__ = ["Meanwhile", "answers_lost", "is_saving", "nothing_arrives", "under_way"]

Meanwhile = Callable[[], None]


def is_saving(step: Any) -> bool:
    return isinstance(step, Operation) and step.script.name.rpartition("/")[2] in (
        "save",
        "close",
        "merge",
    )


@contextmanager
def under_way(world: World, store: Any, meanwhile: Meanwhile) -> Iterator[None]:
    """Do something once, after a save has left and before its answer is here."""
    driver = store._driver
    answer = driver._answer
    left = [meanwhile]

    def sync(step: Any) -> Any:
        reply = answer(step)
        if is_saving(step) and left:
            left.pop()()
        return reply

    async def awaited(step: Any) -> Any:
        reply = await answer(step)
        if is_saving(step) and left:
            left.pop()()
        return reply

    driver._answer = awaited if world.shell == "async" else sync
    try:
        yield
    finally:
        del driver._answer
    assert not left, "nothing was saved"


@contextmanager
def answers_lost(world: World, store: Any, *, any_call: bool = False) -> Iterator[None]:
    """Let every save land (or any call), and its answer be lost."""
    driver = store._driver
    answer = driver._answer

    def sync(step: Any) -> Any:
        reply = answer(step)
        if any_call or is_saving(step):
            raise TimedOut("the answer was lost")
        return reply

    async def awaited(step: Any) -> Any:
        reply = await answer(step)
        if any_call or is_saving(step):
            raise TimedOut("the answer was lost")
        return reply

    driver._answer = awaited if world.shell == "async" else sync
    try:
        yield
    finally:
        del driver._answer


@contextmanager
def nothing_arrives(world: World, store: Any) -> Iterator[None]:
    """Let no save arrive, without anybody knowing that."""
    driver = store._driver
    answer = driver._answer

    def sync(step: Any) -> Any:
        if is_saving(step):
            raise TimedOut("the request was lost")
        return answer(step)

    async def awaited(step: Any) -> Any:
        if is_saving(step):
            raise TimedOut("the request was lost")
        return await answer(step)

    driver._answer = awaited if world.shell == "async" else sync
    try:
        yield
    finally:
        del driver._answer
