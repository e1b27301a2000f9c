"""Life-cycle events, as their readers see them."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessionstore._core import buckets
from sessionstore._core.keys import Keyspace
from sessionstore._core.operation import Flow
from sessionstore._core.paging import EventPager
from sessionstore._core.records import instant
from sessionstore._shell.attributes import Told

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
    reason: str
    """Why it ended; who held it, if the lease was lost; `moved`, if it was created by a move."""

    at: datetime
    """When, by the clock of Redis, in UTC."""


class EventReader:
    """What both readers share: where they are, and the events read but not handed out yet."""

    def __init__(self, keys: Keyspace, pager: EventPager) -> None:
        self._keys = keys
        self._pager = pager
        self._ahead: deque[tuple[str, buckets.Event]] = deque()

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
        self._pager.has_read(bucket, event)
        return Event(
            kind=event.kind,
            id=self._keys.home(event.sid).id,
            sid=event.sid,
            owner=event.owner,
            reason=event.reason,
            at=instant(int(event.id.partition("-")[0])),
        )


class Events(EventReader, Iterator[Event]):
    """Iterates over events up to now; `cursor` is where the next reading goes on."""

    def __init__(self, run: Callable[[Flow[bool]], bool], *where: Any) -> None:
        super().__init__(*where)
        self._run = run

    def __next__(self) -> Event:
        if not self._run(self._filling()):
            raise StopIteration
        return self._next()


class AsyncEvents(EventReader, AsyncIterator[Event]):
    """Iterates over events up to now; `cursor` is where the next reading goes on."""

    def __init__(self, run: Callable[[Flow[bool]], Awaitable[bool]], *where: Any) -> None:
        super().__init__(*where)
        self._run = run

    async def __anext__(self) -> Event:
        if not await self._run(self._filling()):
            raise StopAsyncIteration
        return self._next()
