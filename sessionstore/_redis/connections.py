"""Connections at hand to one server: given in the order of asking, to nobody past who waits.

The driver keeps them itself: the pools of redis-py give a connection to whoever comes by, so that
a thread may wait for seconds while another is served a thousand times, or refuse a caller.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable

from sessionstore._core.process import reset_in_child
from sessionstore._redis.wires import AsyncWire, Wire
from sessionstore.errors import StoreClosed, StoreUnavailable

__all__ = ["AsyncConnections", "Connections"]

WAIT = 10.0
"""Seconds to wait for a connection when all are in use; only one that hangs keeps them so long."""


class Turn:
    """A place in the line, and the connection that it came to; None: it may make one."""

    __slots__ = ("connection", "due")

    def __init__(self) -> None:
        self.connection: Wire | None = None
        self.due = threading.Lock()
        self.due.acquire()


class Connections:
    """Connections for threads, the last used first; who comes when all are in use stands in line.

    A connection that is given back goes straight to the first in the line. One that the server has
    closed meanwhile is found when it is used: then all idle ones are dropped, and the call is
    repeated, which every operation allows.

    Without a line there is no lock: whoever gives back looks at the line after that, and whoever
    joins it looks at what is idle after that, so one of the two sees the other.
    """

    def __init__(self, connect: Callable[[], Wire], limit: int) -> None:
        self._connect = connect
        self._limit = limit
        self._closed = False
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Begin anew: a forked child must not talk over the connections of its parent."""
        self._lock = threading.Lock()
        self._idle: deque[Wire] = deque()
        self._line: deque[Turn] = deque()
        self._made = 0

    def take(self, within: float = WAIT) -> Wire:
        """Return a connection for the caller alone.

        Raises StoreUnavailable if none comes free within so many seconds, StoreClosed, and
        redis-py's errors if a new one cannot be made.
        """
        if not self._line:
            try:
                return self._idle.pop()
            except IndexError:
                pass
        return self._in_turn(within)

    def give(self, connection: Wire) -> None:
        """Take a connection back for the next caller."""
        self._idle.append(connection)
        if self._line or self._closed:
            self._serve()

    def drop(self, connection: Wire) -> None:
        """Close a connection that failed, and with it the idle ones, which may have failed too."""
        failed = [connection, *self._take_idle()]
        self._forget(len(failed))
        for one in failed:
            one.disconnect()

    def close(self) -> None:
        """Close what is idle now, and what is in use when it is given back; give none any more."""
        self._closed = True
        self._serve()

    def _in_turn(self, within: float) -> Wire:
        turn = Turn()
        self._line.append(turn)
        self._serve()
        try:
            turn.due.acquire(timeout=within)
        except BaseException:  # the main thread is interrupted
            if not self._left(turn):
                self._pass_on(turn.connection)
            raise
        if self._left(turn):
            raise StoreUnavailable(
                f"all {self._limit} connections were in use for {within:g} s; the server is slow,"
                " or too many threads share the store"
            )
        return self._new() if turn.connection is None else turn.connection

    def _left(self, turn: Turn) -> bool:
        """Leave the line; False if it was this one's turn already."""
        with self._lock:
            try:
                self._line.remove(turn)
            except ValueError:
                return False
            return True

    def _pass_on(self, connection: Wire | None) -> None:
        if connection is None:
            self._forget(1)
        else:
            self.give(connection)

    def _serve(self) -> None:
        """Let the first in the line have what is there: a connection, or room for another."""
        with self._lock:
            while self._line:
                connection = None
                try:
                    connection = self._idle.pop()
                except IndexError:
                    if self._made >= self._limit and not self._closed:
                        break
                    self._made += 1
                turn = self._line.popleft()
                turn.connection = connection
                turn.due.release()
        if self._closed:
            for one in self._take_idle():
                one.disconnect()

    def _new(self) -> Wire:
        if self._closed:
            self._forget(1)
            raise StoreClosed
        try:
            return self._connect()
        except BaseException:
            self._forget(1)
            raise

    def _take_idle(self) -> list[Wire]:
        taken = []
        while True:
            try:
                taken.append(self._idle.pop())
            except IndexError:
                return taken

    def _forget(self, number: int) -> None:
        with self._lock:
            self._made -= number
        self._serve()


class AsyncConnections:
    """The same for one event loop, where nothing comes between two steps but an `await`."""

    def __init__(self, connect: Callable[[], Awaitable[AsyncWire]], limit: int) -> None:
        self._connect = connect
        self._limit = limit
        self._closed = False
        self._idle: list[AsyncWire] = []
        self._line: deque[asyncio.Future[AsyncWire | None]] = deque()
        self._made = 0

    def at_hand(self) -> AsyncWire | None:
        """Return a connection for the caller alone if one is idle: then nobody waits for it."""
        return self._idle.pop() if self._idle else None

    async def take(self, within: float = WAIT) -> AsyncWire:
        """Return a connection for the caller alone; the errors are those of `Connections`."""
        if self._closed:
            raise StoreClosed
        if self._idle:
            return self._idle.pop()
        if self._made < self._limit:
            self._made += 1
            return await self._new()
        connection = await self._in_turn(within)
        return await self._new() if connection is None else connection

    def give(self, connection: AsyncWire) -> None:
        """Take a connection back for the next caller."""
        if self._closed:
            self.drop(connection)
            return
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        self._idle.append(connection)

    def drop(self, connection: AsyncWire) -> None:
        """Close a connection that failed, and with it the idle ones, which may have failed too."""
        self._disconnect([connection])

    def close(self) -> None:
        """Close what is idle now, and what is in use when it is given back; give none any more."""
        self._closed = True
        self._disconnect([])

    async def _in_turn(self, within: float) -> AsyncWire | None:
        """Stand in line for a connection; None: there is room to make one."""
        turn: asyncio.Future[AsyncWire | None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout(within):
                return await turn
        except BaseException as error:
            if not turn.cancel() and not turn.cancelled():
                self._pass_on(turn.result())
            if isinstance(error, TimeoutError):
                raise StoreUnavailable(
                    f"all {self._limit} connections were in use for {within:g} s; the server is"
                    " slow, or too many tasks share the store"
                ) from None
            raise

    def _pass_on(self, connection: AsyncWire | None) -> None:
        if connection is None:
            self._forget(1)
        else:
            self.give(connection)

    async def _new(self) -> AsyncWire:
        if self._closed:
            self._forget(1)
            raise StoreClosed
        try:
            return await self._connect()
        except BaseException:
            self._forget(1)
            raise

    def _disconnect(self, failed: list[AsyncWire]) -> None:
        failed, self._idle = [*failed, *self._idle], []
        for one in failed:
            one.disconnect()
        self._forget(len(failed))

    def _forget(self, number: int) -> None:
        self._made -= number
        while self._line and (self._made < self._limit or self._closed):
            turn = self._line.popleft()
            if not turn.done():
                self._made += 1
                turn.set_result(None)
