"""Who is told what the jobs of a session tell, for synchronous code and for asyncio."""

from __future__ import annotations

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Self

from sessionstore._core.keys import Home
from sessionstore._core.sessions import Scope
from sessionstore._redis.aio import AsyncDriver
from sessionstore._redis.sync import Driver
from sessionstore._shell.twins import as_in
from sessionstore.errors import StoreClosed
from sessionstore.jobs._contexts import JobContext
from sessionstore.jobs._delivering import Delivering, Wanted
from sessionstore.jobs._events import Event

__all__ = ["AsyncSink", "Sink"]


class Sink:
    """Has a handler called with what the jobs of a session tell, in order, until it is closed.

    It goes on over lost connections and restarts of the server, and reads again what it has not
    heard. Each event is handed over at least once: again only if the sink was made anew with an
    older cursor, or the store went back in time; then the event has the same id, or comes after a
    `gap`. One handler is called at a time. One that is slow keeps nobody else waiting: what comes
    meanwhile is read later, as long as it is kept: the last 256 events. One that raises, whatever
    that is, is logged, and gets the next event.

    The end of the session is told last, and ends the sink.
    """

    def __init__(self, context: JobContext[Driver], wanted: Wanted) -> None:
        self._context = context
        self._wanted = wanted
        self._looping = context.driver.looping
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sessionstore-sink")
        self._delivering: Delivering | None = None

    def _begin(self, found: tuple[Home, Scope], after: str | None) -> None:
        async def begin(driver: AsyncDriver) -> Delivering:
            delivering = Delivering(driver, self._context.calls, self._wanted, self._call)
            await delivering.begin(*found, after)
            delivering.when_over(lambda: self._thread.shutdown(wait=False))
            return delivering

        try:
            self._delivering = self._looping.run(begin)
        except BaseException:
            self._thread.shutdown(wait=False)
            raise

    async def _call(self, event: Event) -> bytes | None:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._answer, event)

    def _answer(self, event: Event) -> bytes | None:
        try:
            return self._wanted.answer(event, self._wanted.call(event))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends nobody else
            raise self._wanted.raised(event, error) from None

    @property
    def cursor(self) -> str:
        """How far events were handed over: give it as `after` to another sink, to go on there."""
        return self._delivering.cursor if self._delivering else ""

    @property
    def is_open(self) -> bool:
        """Whether it is still told something: the session has not ended, and nobody closed it."""
        return self._delivering is not None and not self._delivering.is_over

    @property
    def error(self) -> BaseException | None:
        """What ended it, if it was not the end of its session, nor a close of it or its store."""
        return self._delivering.error if self._delivering else None

    def close(self) -> None:
        """Have the handler called no more. Closing twice does nothing."""

        async def close(_: AsyncDriver) -> None:
            if self._delivering is not None:
                await self._delivering.close()

        with suppress(StoreClosed):  # and so is this
            self._looping.run(close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncSink:
    """Has a handler called with what the jobs of a session tell, in order, until it is closed.

    It goes on over lost connections and restarts of the server, and reads again what it has not
    heard. Each event is handed over at least once: again only if the sink was made anew with an
    older cursor, or the store went back in time; then the event has the same id, or comes after a
    `gap`. One handler is called at a time. One that is slow keeps nobody else waiting: what comes
    meanwhile is read later, as long as it is kept: the last 256 events. One that raises is logged,
    and gets the next event; also if it raises CancelledError because something was cancelled that
    it has awaited.

    The end of the session is told last, and ends the sink; so do a close, a cancel of its task, and
    the end of the loop, as by SystemExit.
    """

    def __init__(self, context: JobContext[AsyncDriver], wanted: Wanted) -> None:
        self._wanted = wanted
        self._delivering = Delivering(context.driver, context.calls, wanted, self._call)

    async def _begin(self, found: tuple[Home, Scope], after: str | None) -> None:
        await self._delivering.begin(*found, after)

    async def _call(self, event: Event) -> bytes | None:
        task = asyncio.current_task()
        cancels = task.cancelling() if task else 0
        try:
            value = self._wanted.call(event)
            if inspect.isawaitable(value):
                value = await value
            return self._wanted.answer(event, value)
        except (KeyboardInterrupt, SystemExit):
            raise  # they end the loop, as from any task
        except BaseException as error:
            if task is None or _ends(task, cancels, error):
                raise
            raise self._wanted.raised(event, error) from None

    @property
    @as_in(Sink.cursor)
    def cursor(self) -> str:
        return self._delivering.cursor

    @property
    @as_in(Sink.is_open)
    def is_open(self) -> bool:
        return not self._delivering.is_over

    @property
    @as_in(Sink.error)
    def error(self) -> BaseException | None:
        return self._delivering.error

    @as_in(Sink.close)
    async def close(self) -> None:
        await self._delivering.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _ends(task: asyncio.Task[Any], cancels: int, error: BaseException) -> bool:
    """Whether an error that comes out of a handler is meant for the task of its sink."""
    if isinstance(error, asyncio.CancelledError):
        return task.cancelling() > cancels
    if isinstance(error, GeneratorExit):  # of the handler itself, or of a task that is thrown away
        try:
            return asyncio.current_task() is not task
        except RuntimeError:
            return True
    return False
