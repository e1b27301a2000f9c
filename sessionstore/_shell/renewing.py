"""Renewing the leases of open sessions in the background: a call for all that one server has.

A lease is renewed when a third of it is over. Each server has a renewer of its own, so that one
that hangs costs the sessions of the others nothing, and all renew over connections that no load
can take. Nothing runs while nothing is open: a thread ends by itself after an idle while, a timer
at once, and the next open starts another. Nothing else ends them but the close of the store: what
goes wrong in one renewal is told, and the next one is made.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from sessionstore._core import flows
from sessionstore._core.operation import Flow
from sessionstore._core.process import reset_in_child
from sessionstore._shell.opened import OpenSession
from sessionstore.errors import SessionStoreError

__all__ = ["AsyncLeaseRenewer", "LeaseRenewer"]

RETRY = 0.2
"""Seconds until a renewal that brought no answer is tried again."""

LOOK = 1.0
"""Seconds until it is looked again what became of a close that has no answer."""

IDLE = 10.0
"""Seconds with nothing open after which a thread ends."""

Keep = Callable[[OpenSession], None]


class Book:
    """What is open, and what is due: the part of all renewers that does not wait."""

    def __init__(self) -> None:
        # When by the clock of this process the lease of each is to be renewed next.
        kept: dict[weakref.ref[OpenSession], float] = {}
        self._kept = kept
        self._strike_out = lambda gone: kept.pop(gone, None)

    def add(self, session: OpenSession) -> float:
        """Take a session up; return when its lease is to be renewed."""
        due = time.monotonic() + session._lease_ms / 3000
        self._enter(session, due)
        return due

    def due(self) -> list[OpenSession]:
        """Return the open sessions whose leases are due, and strike out what is no longer open."""
        now = time.monotonic()
        due = []
        for reference, when in self._kept.copy().items():
            session = reference()
            if session is None or not session._may_be_open():
                self._kept.pop(reference, None)
            elif when > now:
                continue
            elif session.is_open:
                due.append(session)
            else:  # its close was sent and has no answer: it may be refused yet
                self._enter(session, now + LOOK)
        return due

    def renewing(self, keep: Keep) -> Flow[None]:
        """Renew what is due; `keep` takes up again what was renewed."""
        if due := self.due():
            for session in due:
                self._enter(session, time.monotonic() + RETRY)  # unless an answer says otherwise
            held = [session._held() for session in due]
            self.renewed(due, (yield from flows.renew(held)), keep)

    def renewed(
        self,
        sessions: Sequence[OpenSession],
        ends: Sequence[int | str | SessionStoreError],
        keep: Keep,
    ) -> None:
        """Enter what a renewal answered."""
        for session, lease_end in zip(sessions, ends, strict=True):
            if isinstance(lease_end, SessionStoreError):
                # If the lease does end meanwhile, the holder learns it at its next call.
                self._enter(session, time.monotonic() + RETRY)
                continue
            self._kept.pop(weakref.ref(session), None)
            if isinstance(lease_end, int) and lease_end:
                session._lease_end = lease_end
                keep(session)
            else:
                session._note_lost(lease_end or "")

    def next_due(self) -> float | None:
        """Return when the next lease is due; None if nothing is open."""
        return min(self._kept.copy().values(), default=None)

    def _enter(self, session: OpenSession, due: float) -> None:
        self._kept[weakref.ref(session, self._strike_out)] = due


class Lane(Protocol):
    """The part of a driver that renewing needs."""

    def run(self, flow: Flow[None]) -> None:
        """Run a flow."""

    def place(self, key: str) -> str:
        """Return which server has a key."""

    def close(self) -> None:
        """Close the connections."""


class AsyncLane(Protocol):
    """The same in asyncio."""

    async def run(self, flow: Flow[None]) -> None:
        """Run a flow."""

    def place(self, key: str) -> str:
        """Return which server has a key."""

    async def close(self) -> None:
        """Close the connections."""


class LeaseRenewer:
    """Renews from threads: one for each server, while something is open there."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._closed = False
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Begin anew: a forked child has neither the threads nor the sessions of its parent."""
        self._renewers: dict[str, NodeRenewer] = {}

    def add(self, session: OpenSession) -> None:
        """Renew a session that has a lease, until it is closed, or nobody refers to it any more."""
        if session._lease_ms == 0:
            return
        place = self._lane.place(session._home.session)
        renewer = self._renewers.get(place)
        if renewer is None:
            renewer = self._renewers.setdefault(place, NodeRenewer(self._lane, self.add))
        renewer.add(session)
        if self._closed:
            renewer.close()  # it may have come just after the others were closed

    def close(self) -> None:
        """End the threads; leases are left to run out."""
        self._closed = True
        renewers = list(self._renewers.values())
        for renewer in renewers:
            renewer.close()
        self._lane.close()
        for renewer in renewers:
            renewer.join()


class NodeRenewer:
    """Renews what is open at one server, from a thread of its own."""

    def __init__(self, lane: Lane, keep: Keep) -> None:
        self._lane = lane
        self._keep = keep
        self._book = Book()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._sleeps_until = math.inf
        self._closed = False

    def add(self, session: OpenSession) -> None:
        """Keep a session as long as it is open."""
        due = self._book.add(session)
        if self._thread is None or due < self._sleeps_until:
            with self._changed:
                if self._thread is None and not self._closed:
                    self._start()
                self._changed.notify()

    def close(self) -> None:
        """Have the thread end."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def join(self) -> None:
        """Wait until the thread has ended."""
        if (thread := self._thread) is not None:
            thread.join()

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name="sessionstore-renewal", daemon=True)
        with suppress(RuntimeError):  # no more threads, or the interpreter ends: the next one tries
            thread.start()
            self._thread = thread

    def _work(self) -> None:
        try:
            while self._goes_on():
                try:
                    self._lane.run(self._book.renewing(self._keep))
                except Exception as error:  # noqa: BLE001 - whatever it is, leases must be renewed
                    _tell(error)
        except BaseException:
            self._thread = None  # the next to be opened starts another
            raise

    def _goes_on(self) -> bool:
        """Wait until something is due; False if the thread is to end, because nothing is open."""
        with self._changed:
            idle_until = time.monotonic() + IDLE
            while not self._closed:
                self._sleeps_until = (
                    math.inf
                )  # until it does sleep, every newcomer waits to wake it
                now = time.monotonic()
                until = self._book.next_due()
                if until is not None and until <= now:
                    return True
                if until is None and idle_until <= now:
                    break
                self._sleeps_until = idle_until if until is None else until
                self._changed.wait(self._sleeps_until - now)
            self._thread = None
            return False


def _tell(error: Exception) -> None:
    """Tell of an error as of one that ends a thread, which this one does not."""
    thread = threading.current_thread()
    told = threading.ExceptHookArgs((type(error), error, error.__traceback__, thread))
    threading.excepthook(told)


class AsyncLeaseRenewer:
    """Renews from timers of the event loop: one for each server, while something is open there."""

    def __init__(self, lane: AsyncLane) -> None:
        self._lane = lane
        self._closed = False
        self._renewers: dict[str, AsyncNodeRenewer] = {}

    def add(self, session: OpenSession) -> None:
        """Renew a session that has a lease, until it is closed, or nobody refers to it any more."""
        if self._closed or session._lease_ms == 0:
            return
        place = self._lane.place(session._home.session)
        renewer = self._renewers.get(place)
        if renewer is None:
            renewer = self._renewers[place] = AsyncNodeRenewer(self._lane, self.add)
        renewer.add(session)

    async def close(self) -> None:
        """End the timers; leases are left to run out."""
        self._closed = True
        under_way = [task for one in self._renewers.values() if (task := one.close()) is not None]
        await self._lane.close()
        if under_way:
            await asyncio.wait(under_way)


class AsyncNodeRenewer:
    """Renews what is open at one server, from a timer."""

    def __init__(self, lane: AsyncLane, keep: Keep) -> None:
        self._lane = lane
        self._keep = keep
        self._book = Book()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def add(self, session: OpenSession) -> None:
        """Keep a session as long as it is open."""
        due = self._book.add(session)
        if self._task is None and (self._timer is None or due < self._wakes_at):
            self._sleep_until(due)

    def close(self) -> asyncio.Task[None] | None:
        """End the timer; return the renewal that is under way."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        return self._task

    def _sleep_until(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at = due
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, due - time.monotonic()), self._wake)

    def _wake(self) -> None:
        self._timer = None
        renewing = self._lane.run(self._book.renewing(self._keep))
        self._task = asyncio.get_running_loop().create_task(renewing, name="sessionstore-renewal")
        self._task.add_done_callback(self._renewed)

    def _renewed(self, task: asyncio.Task[None]) -> None:
        # Also if somebody has cancelled the task, with all others: that is not the end of renewing.
        self._task = None
        loop = task.get_loop()
        if not task.cancelled() and (error := task.exception()) is not None:
            loop.call_exception_handler({"message": "a renewal failed", "exception": error})
        if not self._closed and (until := self._book.next_due()) is not None:
            self._sleep_until(until)
