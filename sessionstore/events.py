"""Life-cycle events, as their readers see them."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime

from sessionstore._core import buckets
from sessionstore._core.operation import Flow
from sessionstore._core.records import instant
from sessionstore._redis.aio import AsyncDriver
from sessionstore._redis.sync import Driver
from sessionstore._shell.attributes import Told
from sessionstore._shell.calls import Calls
from sessionstore._shell.context import AsyncRun, Context, Run

__all__ = ["AsyncEvents", "Event", "Events"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Event(Told):
    """Something that happened to a session.

    `kind` is `created`, `ended` (deleted, signed out), `expired` (timed out, or past its
    lifetime), `evicted`, `moved` (it has another id or owner now) or `lease lost` (its holder was
    cut off). It was written by the script that did it, so there is one exactly for each.
    """

    kind: str
    id: str
    sid: str
    owner: str
    """A user id, `*` for public; empty: anonymous, or nobody knows any more."""

    reason: str
    """Why it ended; who held it, if the lease was lost; `moved`, if it was created by a move."""

    at: datetime
    """When, by the clock of Redis, in UTC."""


class _EventReader:
    """What both readers share: where they are, and the events read but not handed out yet."""

    def __init__(self, calls: Calls, since: str | None) -> None:
        self._keys = calls.keys
        self._pager = calls.events(since)
        self._ahead: deque[tuple[str, buckets.EventEntry]] = deque()

    @property
    def cursor(self) -> str:
        """How far has been read: give it as `since` to go on after the last event handed out.

        It tells when something happened in which bucket, so keep it on your side.
        """
        return self._pager.cursor

    def _filling(self) -> Flow[bool]:
        if not self._ahead:
            self._ahead.extend((yield from self._pager.page()) or ())
        return bool(self._ahead)

    def _next(self) -> Event:
        bucket, event = self._ahead.popleft()
        self._pager.note_read(bucket, event)
        return Event(
            kind=event.kind,
            id=self._keys.home(event.sid).id,
            sid=event.sid,
            owner=event.owner,
            reason=event.reason,
            at=instant(int(event.id.partition("-")[0])),
        )


class Events(_EventReader, Iterator[Event]):
    """Iterates over events up to now; `cursor` is where the next reading goes on."""

    def __init__(self, context: Context[Driver], since: str | None) -> None:
        super().__init__(context.calls, since)
        self._run: Run = context.driver.run

    def __next__(self) -> Event:
        if not self._run(self._filling()):
            raise StopIteration
        return self._next()


class AsyncEvents(_EventReader, AsyncIterator[Event]):
    """Iterates over events up to now; `cursor` is where the next reading goes on."""

    def __init__(self, context: Context[AsyncDriver], since: str | None) -> None:
        super().__init__(context.calls, since)
        self._run: AsyncRun = context.driver.run

    async def __anext__(self) -> Event:
        if not await self._run(self._filling()):
            raise StopAsyncIteration
        return self._next()
