"""Connections at hand, so that a call need not go through the pool's locks and checks each time."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Any

from redis.exceptions import ConnectionError as NotConnected

from sessionstore._core.process import generation

__all__ = ["AsyncConnections", "Connections"]

WAIT = 5.0
"""Seconds to wait for a connection when all are in use."""


class Connections:
    """The connections of a pool, the last used first; who comes when all are in use waits.

    The pool makes them and says how many there may be. A connection that the server has closed
    meanwhile is found when it is used: then all idle ones are dropped, and the call is repeated,
    which every operation allows.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._reset()

    def _reset(self) -> None:
        self._process = generation()
        self._idle: deque[Any] = deque()
        self._made = 0
        self._waiting = 0
        self._changed = threading.Condition()

    def take(self) -> Any:
        """Return a connection for the caller alone; redis-py's errors if there is none."""
        if self._process != generation():
            self._reset()  # a forked child must not talk over the connections of its parent
        try:
            return self._idle.pop()
        except IndexError:
            return self._another()

    def give(self, connection: Any) -> None:
        """Take a connection back for the next caller."""
        self._idle.append(connection)
        if self._waiting:
            with self._changed:
                self._changed.notify()

    def drop(self, connection: Any) -> None:
        """Close a connection that failed, and with it the idle ones, which may have failed too."""
        self._release(connection)
        while True:
            try:
                self._release(self._idle.pop())
            except IndexError:
                return

    def _another(self) -> Any:
        """Make a connection, or wait for one if there are as many as may be."""
        with self._changed:
            self._waiting += 1
            try:
                ready = self._changed.wait_for(
                    lambda: self._idle or self._made < self._pool.max_connections, WAIT
                )
                if not ready:
                    raise NotConnected("all connections are in use")
                try:
                    return self._idle.pop()
                except IndexError:
                    self._made += 1
            finally:
                self._waiting -= 1
        try:
            return self._pool.get_connection()
        except BaseException:
            self._forget()
            raise

    def _release(self, connection: Any) -> None:
        connection.disconnect()
        self._pool.release(connection)
        self._forget()

    def _forget(self) -> None:
        with self._changed:
            self._made -= 1
            self._changed.notify()


class AsyncConnections:
    """The same for one event loop, where nothing comes between two steps but an `await`."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._idle: list[Any] = []
        self._room = asyncio.Semaphore(pool.max_connections)

    async def take(self) -> Any:
        """Return a connection for the caller alone; redis-py's errors if there is none."""
        try:
            # A timeout is a timer in the loop: only for those who have to wait.
            async with asyncio.timeout(WAIT if self._room.locked() else None):
                await self._room.acquire()
        except TimeoutError:
            raise NotConnected("all connections are in use") from None
        try:
            return self._idle.pop() if self._idle else await self._pool.get_connection()
        except BaseException:
            self._room.release()
            raise

    def give(self, connection: Any) -> None:
        """Take a connection back for the next caller."""
        self._idle.append(connection)
        self._room.release()

    async def drop(self, connection: Any) -> None:
        """Close a connection that failed, and with it the idle ones, which may have failed too."""
        failed, self._idle = [connection, *self._idle], []
        self._room.release()
        for one in failed:
            await one.disconnect(nowait=True)  # an answer may still be under way
            await self._pool.release(one)
