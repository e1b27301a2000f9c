"""Renewing the leases of open sessions in the background: one call for all that a process holds.

A lease is renewed when a third of it is over. Nothing runs while nothing is open: the thread, or
the timer, ends by itself after an idle while, and the next open starts another.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Sequence

from sessionstore._core import flows
from sessionstore._core.operation import Flow
from sessionstore._core.process import generation
from sessionstore.errors import SessionStoreError
from sessionstore.opened import OpenSession

__all__ = ["AsyncKeeper", "Keeper"]

Renewal = Flow[list[int]]


Kept = tuple["weakref.ref[OpenSession]", float]
"""An open session, and when by the clock of this process its lease is to be renewed next."""


class Book:
    """What is open, and what is due: the part that both keepers share, with no waiting in it."""

    def __init__(self) -> None:
        self._kept: dict[int, Kept] = {}

    def add(self, session: OpenSession) -> float:
        """Take a session up; return when its lease is to be renewed."""
        due = time.monotonic() + session.lease / 3000
        kept, key = self._kept, id(session)
        kept[key] = (weakref.ref(session, lambda _: kept.pop(key, None)), due)
        return due

    def due(self) -> list[OpenSession]:
        """Return the open sessions whose leases are due, and strike out what is no longer open."""
        now = time.monotonic()
        due = []
        for key, (reference, when) in self._kept.copy().items():
            session = reference()
            if session is None or not session.is_open:
                self._kept.pop(key, None)
            elif when <= now:
                due.append(session)
        return due

    def renewed(self, sessions: Sequence[OpenSession], ends: Sequence[int]) -> None:
        """Enter what a renewal answered."""
        for session, lease_end in zip(sessions, ends, strict=True):
            if lease_end:
                session.lease_end = lease_end
                self.add(session)
            else:
                self._kept.pop(id(session), None)
                session.has_lost()

    def next_due(self) -> float | None:
        """Return when the next lease is due; None if nothing is open."""
        return min((due for _, due in self._kept.copy().values()), default=None)


def renewal(sessions: Sequence[OpenSession]) -> Renewal:
    """Return the flow that renews the leases of some sessions."""
    return flows.renew([(at.home, at.fence, at.asked_lease) for at in sessions])


RETRY = 0.2
"""Seconds until a renewal that could not reach the server is tried again."""

IDLE = 10.0
"""Seconds with nothing open after which the thread ends."""


class Keeper:
    """Renews from a thread of its own."""

    def __init__(self, run: Callable[[Renewal], list[int]]) -> None:
        self._run = run
        self._reset()

    def _reset(self) -> None:
        self._process = generation()
        self._book = Book()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._sleeps_until = 0.0
        self._closed = False

    def add(self, session: OpenSession) -> None:
        """Keep a session until it is closed, or nobody has a reference to it any more."""
        if self._process != generation():
            self._reset()  # a forked child has neither the thread nor the sessions of its parent
        due = self._book.add(session)
        if self._thread is None or due < self._sleeps_until:
            with self._changed:
                if self._thread is None and not self._closed:
                    self._thread = threading.Thread(
                        target=self._keep, name="sessionstore-keeper", daemon=True
                    )
                    self._thread.start()
                self._changed.notify()

    def close(self) -> None:
        """End the thread; leases are left to run out."""
        if self._process != generation():
            return  # what was forked has no thread, and perhaps a lock that nobody gives back
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _keep(self) -> None:
        idle_since = time.monotonic()
        while True:
            failed = not self._renew_due()
            with self._changed:
                now = time.monotonic()
                until = self._book.next_due()
                if until is not None:
                    idle_since = now
                    until = max(until, now + RETRY) if failed else until
                elif now - idle_since >= IDLE:
                    self._thread = None
                    return
                else:
                    until = idle_since + IDLE
                if self._closed:
                    self._thread = None
                    return
                self._sleeps_until = until
                self._changed.wait(max(0.0, until - now))

    def _renew_due(self) -> bool:
        if due := self._book.due():
            try:
                self._book.renewed(due, self._run(renewal(due)))
            except SessionStoreError:
                return False  # the holder learns it at its next call, if the lease does end
        return True


class AsyncKeeper:
    """Renews from a timer of the event loop."""

    def __init__(self, run: Callable[[Renewal], Awaitable[list[int]]]) -> None:
        self._run = run
        self._book = Book()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._wakes_at = 0.0

    def add(self, session: OpenSession) -> None:
        """Keep a session until it is closed, or nobody has a reference to it any more."""
        due = self._book.add(session)
        if self._timer is None or due < self._wakes_at:
            self._sleep_until(due)

    async def close(self) -> None:
        """End the timer; leases are left to run out."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])

    def _sleep_until(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at = due
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, due - time.monotonic()), self._wake)

    def _wake(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._renew_due())

    async def _renew_due(self) -> None:
        earliest = 0.0
        if due := self._book.due():
            try:
                self._book.renewed(due, await self._run(renewal(due)))
            except SessionStoreError:
                earliest = time.monotonic() + RETRY
        self._timer = None
        if (until := self._book.next_due()) is not None:
            self._sleep_until(max(until, earliest))
