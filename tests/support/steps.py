"""Doing something at a step of a call: before one of its scripts is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from sessionstore._core.operation import Operation, Step

__all__ = ["before"]


@contextmanager
def before(store: Any, script: str, act: Callable[[int], None]) -> Iterator[None]:
    """Do something before each call of a script is sent; it is told the number of the call."""
    driver, answer, numbers = store._driver, store._driver._answer, count(1)

    def look(step: Step) -> None:
        if isinstance(step, Operation) and step.script.name == script:
            act(next(numbers))

    def plain(step: Step) -> Any:
        look(step)
        return answer(step)

    async def awaited(step: Step) -> Any:
        look(step)
        return await answer(step)

    driver._answer = awaited if asyncio.iscoroutinefunction(answer) else plain
    try:
        yield
    finally:
        del driver._answer
