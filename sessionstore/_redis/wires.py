"""The exchange over one connection: all commands leave in one write, and all replies are awaited.

A wire belongs to whoever took it (`connections.py`), for one exchange at a time. When an exchange
fails, or nobody waits for it any more, an answer may still be under way: then the wire is dropped
and never used again.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Protocol

from hiredis import Reader
from redis import exceptions

__all__ = [
    "AsyncSocketWire",
    "AsyncWire",
    "Ended",
    "ParseError",
    "SocketLine",
    "SocketWire",
    "Take",
    "Wire",
    "exchange",
]

ParseError = Callable[[str], Exception]
"""Makes an error of what a server says instead of a reply."""

Ended = Callable[[list[Any] | BaseException], object]
"""Is told how an exchange ended: by its replies, an error in its place, or by what prevented them.

It is called directly: a future would tell whoever waits only in the next turn of the event loop.
"""

Take = Callable[[Any], object]
"""Is told what comes on a connection on which one listens."""

NOTHING = object()
"""What the reader returns when there is no whole reply yet."""

BUFFER = 1 << 16


class Wire(Protocol):
    """One connection, for threads."""

    def send(self, data: bytes) -> None:
        """Send packed commands."""

    def receive(self, count: int, within: float | None = None) -> list[Any]:
        """Return so many replies; an error that a server replied with is in its place.

        `within` is for what takes longer, or less, than other calls may. Raises ConnectionError,
        TimeoutError if for so many seconds nothing comes, and OSError.
        """

    def disconnect(self) -> None:
        """Close the connection."""


class AsyncWire(Protocol):
    """One connection, in an event loop."""

    def begin(self, data: bytes, count: int, ended: Ended, within: float | None = None) -> None:
        """Send packed commands, and tell when they have their replies.

        `within` is for what takes longer, or less, than other calls may. Raises ConnectionError if
        the connection is lost already; `ended` is told what happens later: ConnectionError,
        TimeoutError if the last reply takes more than so many seconds, and OSError.
        """

    def disconnect(self) -> None:
        """Close the connection."""


def exchange(
    wire: AsyncWire, data: bytes, count: int, within: float | None = None
) -> asyncio.Future[list[Any]]:
    """Send packed commands; the future has their replies, an error in its place."""
    answered: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()

    def ended(outcome: list[Any] | BaseException) -> None:
        if answered.done():
            return  # its task was cancelled
        if isinstance(outcome, list):
            answered.set_result(outcome)
        else:
            answered.set_exception(outcome)

    wire.begin(data, count, ended, within)
    return answered


def _reader(parse_error: ParseError) -> Reader:
    return Reader(
        protocolError=exceptions.InvalidResponse, replyError=parse_error, notEnoughData=NOTHING
    )


class SocketWire:
    """A connected socket, in the clear or with TLS."""

    def __init__(
        self, connected: socket.socket, parse_error: ParseError, disconnect: Callable[[], None]
    ) -> None:
        self._socket = connected
        self._reader = _reader(parse_error)
        self._buffer = bytearray(BUFFER)
        self.send = connected.sendall
        self.disconnect = disconnect

    def receive(self, count: int, within: float | None = None) -> list[Any]:
        """Return so many replies."""
        if within is None:
            return self._replies(count)
        usual = self._socket.gettimeout()
        self._socket.settimeout(within)
        replies = self._replies(count)
        self._socket.settimeout(usual)
        return replies

    def _replies(self, count: int) -> list[Any]:
        reader = self._reader
        replies: list[Any] = []
        while len(replies) < count:
            size = self._socket.recv_into(self._buffer)
            if not size:
                raise exceptions.ConnectionError("the server closed the connection")
            reader.feed(self._buffer, 0, size)  # type: ignore[arg-type] # its stub forgets it
            while (reply := reader.gets()) is not NOTHING:
                if isinstance(reply, exceptions.ConnectionError):
                    raise reply  # not logged in, or not served yet
                replies.append(reply)
        if len(replies) > count:
            raise exceptions.ConnectionError("the server said more than it was asked")
        return replies


class AsyncSocketWire(asyncio.Protocol):
    """The transport of a connected stream, which tells this one from now on what it reads.

    The usual bound, `within` so many seconds, is told here; that of a socket is its timeout.

    One timer watches over all exchanges, as they come one after the other: it is set by the first,
    and when it goes off, it is set anew for the one that is under way then.
    """

    def __init__(
        self, stream: asyncio.StreamWriter, parse_error: ParseError, within: float
    ) -> None:
        self._stream = stream  # it would close the transport if it went away
        self._loop = asyncio.get_running_loop()
        self._reader = _reader(parse_error)
        self._ended: Ended | None = None
        self._replies: list[Any] = []
        self._count = 0
        self._usual = self._within = within
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._lost = False
        stream.transport.set_protocol(self)

    def begin(self, data: bytes, count: int, ended: Ended, within: float | None = None) -> None:
        """Send packed commands, and tell when they have their replies."""
        if self._lost:
            raise exceptions.ConnectionError("the server closed the connection")
        self._ended = ended
        self._count = count
        self._within = self._usual if within is None else within
        self._due = self._loop.time() + self._within
        if self._timer is None or self._timer.when() > self._due:
            self._watch()
        self._stream.transport.write(data)

    def disconnect(self) -> None:
        """Close the connection; what is not sent yet is not sent any more."""
        self._fail(exceptions.ConnectionError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        """Take in what came; with the last reply the exchange is over."""
        reader, replies = self._reader, self._replies
        reader.feed(data)
        try:
            while (reply := reader.gets()) is not NOTHING:
                if isinstance(reply, exceptions.ConnectionError):
                    self._fail(reply)  # not logged in, or not served yet
                    return
                replies.append(reply)
        except exceptions.InvalidResponse as error:
            self._fail(error)
            return
        if len(replies) > self._count:
            self._fail(exceptions.ConnectionError("the server said more than it was asked"))
        elif self._ended is not None and len(replies) == self._count:
            ended, self._ended = self._ended, None
            self._replies, self._count = [], 0
            ended(replies)

    def resume_writing(self) -> None:
        """Let the answer have its time: much had to be sent first, which had as long."""
        self._due = self._loop.time() + self._within

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is under way."""
        self._fail(exc or exceptions.ConnectionError("the server closed the connection"))

    def _fail(self, error: Exception) -> None:
        self._lost = True
        if self._timer is not None:
            self._timer.cancel()
        self._stream.transport.abort()
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(error)

    def _watch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._ended is None:
            return
        if self._loop.time() < self._due:
            self._watch()
        else:
            self._fail(exceptions.TimeoutError(f"no answer within {self._within:g} s"))


class SocketLine(asyncio.Protocol):
    """The transport of a connected stream, on which one listens."""

    def __init__(self, stream: asyncio.StreamWriter, parse_error: ParseError) -> None:
        self._stream = stream  # it would close the transport if it went away
        self._reader = _reader(parse_error)
        self._take: Take | None = None
        self._fail: Callable[[BaseException], object] | None = None
        self._lost: Exception | None = None
        stream.transport.set_protocol(self)

    def begin(self, take: Take, fail: Callable[[BaseException], object]) -> None:
        """Tell from now on what comes, and when the connection is lost."""
        self._take, self._fail = take, fail
        if self._lost is not None:
            fail(self._lost)

    def send(self, data: bytes) -> None:
        """Send packed commands."""
        self._stream.transport.write(data)

    def disconnect(self) -> None:
        """Close the connection."""
        self._take = self._fail = None
        self._stream.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take in what came."""
        self._reader.feed(data)
        try:
            while self._take is not None and (reply := self._reader.gets()) is not NOTHING:
                self._take(reply)
        except exceptions.InvalidResponse as error:
            self.connection_lost(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that it is lost."""
        self._lost = exc or exceptions.ConnectionError("the server closed the connection")
        if self._fail is not None:
            self._fail(self._lost)
