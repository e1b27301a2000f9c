"""One job, as whoever submitted or found it has it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from sessionstore._ids import shown
from sessionstore._redis.aio import AsyncDriver
from sessionstore._redis.sync import Driver
from sessionstore._shell.twins import as_in
from sessionstore.config import Duration
from sessionstore.jobs._contexts import JobContext
from sessionstore.jobs._events import Event
from sessionstore.jobs._infos import JobInfo

__all__ = ["AsyncJobHandle", "JobHandle"]

_ASKED_FOR = "its caller asked for it"


class _Handle:
    """What both handles share."""

    def __init__(self, id: str) -> None:
        self._id = id

    @property
    def id(self) -> str:
        """The id, by which any process finds the job."""
        return self._id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {shown(self._id)}>"


class JobHandle(_Handle):
    """A job. All methods raise JobNotFound when its record is gone, and StoreUnavailable."""

    def __init__(self, context: JobContext[Driver], id: str) -> None:
        super().__init__(id)
        self._calls = context.calls
        self._run = context.driver.run

    @property
    def state(self) -> str:
        """What it is now: `queued`, `running`, `done`, `failed`, `cancelled` or `lost`."""
        return self.info().state

    def info(self) -> JobInfo:
        """Return what is known of it now."""
        return self._run(self._calls.look(self._id))

    def result(self, timeout: Duration | None = None) -> Any:
        """Wait for its end, and return what it returned.

        Raises JobNotOver after `timeout` (in seconds, or a timedelta; None: however long it takes),
        JobFailed, JobCancelled, JobLost, UndecodableValue.
        """
        return self._run(self._calls.result(self._id, timeout))

    def cancel(self, reason: str = _ASKED_FOR, *, grace: Duration | None = None) -> str:
        """Cancel it, and return its state after that.

        One that waits is over at once. One that runs is told to stop, and is over after `grace` in
        any case (in seconds, or a timedelta; None: as it was submitted).
        """
        return self._run(self._calls.cancel(self._id, reason, grace))

    def file(self, name: str) -> bytes:
        """Return a file that it was given, or has attached; KeyError for what it does not have."""
        return self._run(self._calls.file(self._id, name))

    def events(self) -> Iterator[Event]:
        """Iterate over what it has told until now, of the last 256 events of its session."""
        yield from self._run(self._calls.events(self._id))


class AsyncJobHandle(_Handle):
    """A job. All methods raise JobNotFound when its record is gone, and StoreUnavailable."""

    def __init__(self, context: JobContext[AsyncDriver], id: str) -> None:
        super().__init__(id)
        self._calls = context.calls
        self._run = context.driver.run

    @property
    @as_in(JobHandle.state)
    async def state(self) -> str:
        return (await self.info()).state

    @as_in(JobHandle.info)
    async def info(self) -> JobInfo:
        return await self._run(self._calls.look(self._id))

    @as_in(JobHandle.result)
    async def result(self, timeout: Duration | None = None) -> Any:
        return await self._run(self._calls.result(self._id, timeout))

    @as_in(JobHandle.cancel)
    async def cancel(self, reason: str = _ASKED_FOR, *, grace: Duration | None = None) -> str:
        return await self._run(self._calls.cancel(self._id, reason, grace))

    @as_in(JobHandle.file)
    async def file(self, name: str) -> bytes:
        return await self._run(self._calls.file(self._id, name))

    @as_in(JobHandle.events)
    async def events(self) -> AsyncIterator[Event]:
        for event in await self._run(self._calls.events(self._id)):
            yield event
