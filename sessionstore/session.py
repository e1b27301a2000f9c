"""Sessions that are open, for synchronous code and for asyncio: they differ by the word `await`."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Self, TypeVar

from sessionstore._core.operation import Flow
from sessionstore._core.records import Opened, Reading
from sessionstore._redis.aio import AsyncDriver
from sessionstore._redis.sync import Driver
from sessionstore._shell.calls import AT_CREATE, How, attribute_name
from sessionstore._shell.context import AsyncRun, Context, Run
from sessionstore._shell.opened import OpenSession
from sessionstore._shell.twins import as_in
from sessionstore.config import Duration
from sessionstore.lists import AsyncSessionList, SessionList
from sessionstore.longstrings import AsyncLongstring, Longstring

__all__ = ["AsyncSession", "Session"]

_T = TypeVar("_T")


class Session(OpenSession):
    """A session that this thread has open; leave its `with` block to save and give it back."""

    def __init__(
        self,
        context: Context[Driver],
        opened: Opened | Reading,
        how: How = AT_CREATE,
        *,
        seconds: float = 0.0,
    ) -> None:
        super().__init__(context.calls, opened, how, seconds=seconds)
        self._run_alone: Run = context.driver.run
        self._turn = threading.Lock()

    def _run(self, flow: Flow[_T]) -> _T:
        """Run a flow when those before it have ended: saves must arrive in their order."""
        if not self._is_original():  # its turn may be that of a thread of another process
            return self._run_alone(flow)  # it will be refused
        with self._turn:
            return self._run_alone(flow)

    @property
    def holder(self) -> str:
        """Who has it open, as others see it."""
        return self._calls.label

    def save(self) -> None:
        """Save what changed and keep the session open.

        Raises LeaseLost, SessionEnded, ValueTooLarge; when opened as shared, Conflict if another
        writer changed the same attributes, and SessionInUse while somebody holds the session.
        """
        self._run(self._saving())

    def renew(self) -> None:
        """Lengthen the lease now; the store does so by itself as long as the process lives.

        Raises LeaseLost if it has ended.
        """
        self._run(self._renewing())

    def close(
        self,
        *,
        id: str | None = None,
        owner: str | None = None,
        timeout: Duration | None = None,
    ) -> None:
        """Save what changed and give the session back, with another id, owner or timeout if given.

        `id` and `owner` are checked as by create, with the same errors; if one is refused, the
        session stays open as it was ($Session_Close of SOUL). `timeout` is in seconds or a
        timedelta. Closing twice does nothing. Raises LeaseLost, SessionEnded, ValueTooLarge.
        """
        self._run(self._closing(id, owner, timeout))

    def discard(self) -> None:
        """Give the session back and drop what was not saved."""
        self._run(self._discarding())

    def delete(self) -> bool:
        """End the session, and give it back.

        Returns True if it has ended, as it always does for its holder; False if it was opened to
        share or to read, somebody else holds it, and it ends when that one closes it. Raises
        LeaseLost, SessionEnded.
        """
        return self._run(self._deleting())

    def list(self, name: str) -> SessionList:
        """Return the list of that name, for the time that the session is open here exclusively."""
        return SessionList(self._beside(), attribute_name(name), self._run)

    def longstring(self, name: str) -> Longstring:
        """Return the longstring of that name, for as long as the session is open exclusively."""
        return Longstring(self._beside(), attribute_name(name), self._run)

    def document(self, name: str) -> Any:
        """Return an XML document as an ElementTree of lxml, or None if there is none.

        It is loaded once; what is changed in the tree is written at the next save or close, and
        only if it was changed. Raises LeaseLost, SessionEnded, SessionNotOpen (also if the session
        is not open exclusively), UndecodableValue; ConfigError if lxml is not installed.
        """
        return self._run(self._loading(attribute_name(name)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self._run(self._leaving(error))
        finally:
            self._note_left()


class AsyncSession(OpenSession):
    """A session that this task has open; leave its `async with` block to save and give it back."""

    def __init__(
        self,
        context: Context[AsyncDriver],
        opened: Opened | Reading,
        how: How = AT_CREATE,
        *,
        seconds: float = 0.0,
    ) -> None:
        super().__init__(context.calls, opened, how, seconds=seconds)
        self._run_alone: AsyncRun = context.driver.run
        self._turn = asyncio.Lock()

    async def _run(self, flow: Flow[_T]) -> _T:
        """Run a flow when those before it have ended: saves must arrive in their order."""
        async with self._turn:
            return await self._run_alone(flow)

    @property
    @as_in(Session.holder)
    def holder(self) -> str:
        return self._calls.label

    @as_in(Session.save)
    async def save(self) -> None:
        await self._run(self._saving())

    @as_in(Session.renew)
    async def renew(self) -> None:
        await self._run(self._renewing())

    @as_in(Session.close)
    async def close(
        self,
        *,
        id: str | None = None,
        owner: str | None = None,
        timeout: Duration | None = None,
    ) -> None:
        await self._run(self._closing(id, owner, timeout))

    @as_in(Session.discard)
    async def discard(self) -> None:
        await self._run(self._discarding())

    @as_in(Session.delete)
    async def delete(self) -> bool:
        return await self._run(self._deleting())

    @as_in(Session.list)
    def list(self, name: str) -> AsyncSessionList:
        return AsyncSessionList(self._beside(), attribute_name(name), self._run)

    @as_in(Session.longstring)
    def longstring(self, name: str) -> AsyncLongstring:
        return AsyncLongstring(self._beside(), attribute_name(name), self._run)

    @as_in(Session.document)
    async def document(self, name: str) -> Any:
        return await self._run(self._loading(attribute_name(name)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        cancelled: asyncio.CancelledError | None = None
        while True:
            try:
                await self._turn.acquire()
            except asyncio.CancelledError as later:  # the session is given back all the same
                cancelled = later
            else:
                break
        try:
            await self._run_alone(self._leaving(error))
        finally:
            self._turn.release()
            self._note_left()
        if cancelled is not None:
            raise cancelled
