"""Operations that leave together for one server, and what has come back of them so far."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sessionstore._core.operation import Operation
from sessionstore._redis.errors import TOLD, Attempts, is_transient, translated

__all__ = ["AsyncBatch", "Batch"]


class Batch:
    """Operations and their answers: each has its own, so that one that fails fails alone."""

    __slots__ = ("answers", "attempts", "operations")

    def __init__(
        self, operations: Sequence[Operation[Any]] = (), attempts: Attempts | None = None
    ) -> None:
        self.operations = list(operations)
        self.answers: dict[int, Any] = {}
        self.attempts = attempts or Attempts()

    @property
    def key(self) -> str:
        """A key that is where the batch goes."""
        return self.operations[0].keys[0]

    def unanswered(self) -> list[int]:
        """Return which of the operations have no answer yet."""
        return [at for at in range(len(self.operations)) if at not in self.answers]

    def enter(self, asked: Sequence[int], replies: Sequence[Any]) -> Exception | None:
        """Enter what came back; return an error that may well be gone when it is asked again."""
        passing = None
        for at, reply in zip(asked, replies, strict=True):
            if not isinstance(reply, Exception):
                self._answer(at, reply)
            elif is_transient(reply):
                passing = passing or reply
            else:
                self._answer(at, self._told(reply))
        return passing

    def accept(self, replies: Sequence[Any]) -> Exception | None:
        """Enter what came back of all but the errors; return one of them if there are any."""
        found = None
        for at, reply in enumerate(replies):
            if isinstance(reply, Exception):
                found = reply
            else:
                self._answer(at, reply)
        return found

    def failed(self, error: BaseException) -> None:
        """Note that an attempt at what is not answered yet failed."""
        self.attempts.failed(error, [self.operations[at] for at in self.unanswered()])

    def end(self, error: Exception) -> None:
        """Enter an error for all that has no answer and will get none."""
        for at in self.unanswered():
            self._answer(at, self._told(error))

    def _told(self, error: Exception) -> Exception:
        return translated(error, self.attempts) if isinstance(error, TOLD) else error

    def _answer(self, at: int, reply: Any) -> None:
        self.answers[at] = reply


class AsyncBatch(Batch):
    """The same in asyncio: futures wait for the answers, and one for the end of all.

    An operation is carried out even if its caller was cancelled: it may be the cleaning up.
    """

    __slots__ = ("done", "futures", "place")

    def __init__(self, loop: asyncio.AbstractEventLoop, place: str) -> None:
        super().__init__()
        self.place = place
        self.futures: list[asyncio.Future[Any]] = []
        self.done: asyncio.Future[None] = loop.create_future()

    def add(self, operation: Operation[Any]) -> asyncio.Future[Any]:
        """Return the future answer to one more operation."""
        future: asyncio.Future[Any] = self.done.get_loop().create_future()
        self.operations.append(operation)
        self.futures.append(future)
        return future

    def over(self) -> None:
        """Note that no more answers will come."""
        for future in self.futures:
            future.cancel()  # only where the loop ends before the answer
        self.done.set_result(None)

    async def ended(self) -> None:
        """Wait for the end of all, whoever is cancelled meanwhile."""
        while not self.done.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self.done)

    def _answer(self, at: int, reply: Any) -> None:
        self.answers[at] = reply
        future = self.futures[at]
        if future.done():
            return  # its task was cancelled
        if isinstance(reply, Exception):
            future.set_exception(reply)
        else:
            future.set_result(reply)
