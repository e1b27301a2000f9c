"""All that we know of how redis-py is built inside, and its own way where that has changed.

redis-py connects and logs in. Then we take over what it has connected, because its own way is dear:
in asyncio it reads each reply by a chain of coroutines, with a timer for each call. A version that
is built otherwise makes `tests/unit/_redis/test_insides.py` fail. Until this file knows that
version, all works by redis-py's own way, only slower. So does fakeredis, which has no socket.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from redis import exceptions

from sessionstore._redis.errors import FOREIGN
from sessionstore._redis.wires import (
    AsyncSocketWire,
    AsyncWire,
    Ended,
    ParseError,
    SocketLine,
    SocketWire,
    Take,
    Wire,
)

__all__ = ["connect_line", "connect_wire", "connect_wire_async"]


def connect_wire(source: Any) -> Wire:
    """Return a new connection to the server of a pool, logged in; redis-py's errors."""
    connection = source.connection_class(**source.connection_kwargs)
    connection.connect()
    connected, parse_error = _inside(connection, "_sock")
    if isinstance(connected, socket.socket) and parse_error is not None:
        return SocketWire(connected, parse_error, connection.disconnect)
    return PlainWire(connection)


async def connect_wire_async(source: Any) -> AsyncWire:
    """Return the same in an event loop."""
    connection, stream, parse_error = await _taken_over(source)
    if stream is None:
        return AsyncPlainWire(connection)
    return AsyncSocketWire(stream, parse_error, connection.socket_timeout)


async def connect_line(source: Any) -> SocketLine | PlainLine:
    """Return a new connection to the server of a pool, on which to listen."""
    connection, stream, parse_error = await _taken_over(source)
    return PlainLine(connection) if stream is None else SocketLine(stream, parse_error)


async def _taken_over(source: Any) -> tuple[Any, asyncio.StreamWriter | None, Any]:
    """Return a new connection and its stream, which is ours now; None if it is built otherwise."""
    connection = source.connection_class(**source.connection_kwargs)
    await connection.connect()
    stream, parse_error = _inside(connection, "_writer")
    if not isinstance(stream, asyncio.StreamWriter) or parse_error is None:
        return connection, None, None
    if await connection.can_read():
        raise exceptions.ConnectionError("the server closed the connection at once")
    connection._writer = connection._reader = None  # noqa: SLF001 - it is ours now
    return connection, stream, parse_error


def _inside(connection: Any, name: str) -> tuple[Any, ParseError | None]:
    """Return what is connected, and what makes errors of the error replies."""
    parser = getattr(connection, "_parser", None)
    return getattr(connection, name, None), getattr(parser, "parse_error", None)


class PlainWire:
    """A connection of redis-py, used as it means it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.disconnect = connection.disconnect

    def send(self, data: bytes) -> None:
        """Send packed commands."""
        self._connection.send_packed_command((data,))

    def receive(self, count: int, within: float | None = None) -> list[Any]:
        """Return so many replies."""
        limits = {} if within is None else {"timeout": within}
        return [self._reply(limits) for _ in range(count)]

    def _reply(self, limits: dict[str, float]) -> Any:
        try:
            return self._connection.read_response(**limits)
        except exceptions.ResponseError as error:
            return error


class AsyncPlainWire:
    """The same in an event loop, with a task for each exchange."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._exchange: asyncio.Task[list[Any]] | None = None

    def begin(self, data: bytes, count: int, ended: Ended, within: float | None = None) -> None:
        """Send packed commands, and tell when they have their replies."""
        self._exchange = asyncio.ensure_future(self._replies(data, count, within))
        self._exchange.add_done_callback(partial(_tell, ended))

    def disconnect(self) -> None:
        """Close the connection: told not to wait, redis-py does so in one step."""
        if self._exchange is not None:
            self._exchange.cancel()
        with suppress(StopIteration):
            self._connection.disconnect(nowait=True).send(None)

    async def _replies(self, data: bytes, count: int, within: float | None) -> list[Any]:
        await self._connection.send_packed_command(data)
        async with asyncio.timeout(self._connection.socket_timeout if within is None else within):
            return [await self._reply() for _ in range(count)]

    async def _reply(self) -> Any:
        try:
            return await self._connection.read_response(timeout=math.inf)
        except exceptions.ResponseError as error:
            return error


class PlainLine:
    """A connection of redis-py on which to listen, with a task that reads."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._reading: asyncio.Task[None] | None = None
        self._sending = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, take: Take, fail: Callable[[BaseException], object]) -> None:
        """Tell from now on what comes."""
        self._reading = asyncio.ensure_future(self._read(take, fail))

    def send(self, data: bytes) -> None:
        """Send packed commands."""
        task = asyncio.ensure_future(self._send(data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def disconnect(self) -> None:
        """Close the connection."""
        for task in (*self._tasks, *([self._reading] if self._reading else [])):
            task.cancel()
        with suppress(StopIteration):
            self._connection.disconnect(nowait=True).send(None)

    async def _send(self, data: bytes) -> None:
        async with self._sending:
            with suppress(*FOREIGN):  # whoever reads meets it, too
                await self._connection.send_packed_command(data)

    async def _read(self, take: Take, fail: Callable[[BaseException], object]) -> None:
        try:
            while True:
                reply = await self._connection.read_response(timeout=math.inf, push_request=True)
                take(reply)
        except FOREIGN as error:
            fail(error)


def _tell(ended: Ended, exchange: asyncio.Task[list[Any]]) -> None:
    if exchange.cancelled():
        ended(asyncio.CancelledError())
    else:
        ended(exchange.exception() or exchange.result())
