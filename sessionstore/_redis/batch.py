"""What leaves in one write: operations of one turn of the event loop."""

from __future__ import annotations

import asyncio
from typing import Any

from sessionstore._core.operation import Operation
from sessionstore._redis.errors import FOREIGN, Attempts, translated

__all__ = ["Batch"]


class Batch:
    """Operations that leave together, the futures that wait for them, and one for their end.

    An operation is carried out even if its caller was cancelled: it may be the cleaning up.
    """

    __slots__ = ("answered", "attempts", "done", "futures", "operations")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.operations: list[Operation[Any]] = []
        self.futures: list[asyncio.Future[Any]] = []
        self.answered: set[int] = set()
        self.done: asyncio.Future[None] = loop.create_future()
        self.attempts = Attempts()

    def unanswered(self) -> list[int]:
        """Return which of the operations have no reply yet."""
        return [at for at in range(len(self.operations)) if at not in self.answered]

    def answer(self, at: int, reply: Any) -> None:
        """Hand out a reply, or an error."""
        self.answered.add(at)
        future = self.futures[at]
        if future.done():
            return  # its task was cancelled
        if isinstance(reply, FOREIGN):
            future.set_exception(translated(reply, self.attempts))
        elif isinstance(reply, Exception):
            future.set_exception(reply)
        else:
            future.set_result(reply)
