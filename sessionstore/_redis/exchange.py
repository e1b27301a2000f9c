"""One round trip with one server, in both kinds: what is sent, and where a refusal leads.

A script that the server does not know is sent along. A slot that is elsewhere by now, or on its
way there, is asked for there.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress
from typing import Any

from redis import exceptions

from sessionstore._core.operation import Operation
from sessionstore._redis.commands import (
    ASKING,
    CONFIRM,
    Make,
    call,
    call_with_text,
    elsewhere,
    lost_scripts,
    packed,
    pop,
    unconfirmed,
)
from sessionstore._redis.connect import ANSWER_WITHIN, Deployment
from sessionstore._redis.connections import AsyncConnections, Connections
from sessionstore._redis.errors import FOREIGN, Attempts
from sessionstore._redis.nodes import Nodes

__all__ = ["AsyncExchange", "Exchange"]

WAITING = 500
"""How many connections to one server may wait for a wake-up at a time."""


class Exchange:
    """Talks with the servers of a deployment, over connections that are its own."""

    def __init__(self, deployment: Deployment, *, safe: bool) -> None:
        self._deployment = deployment
        self._shebang = deployment.shebang
        self._safe = safe
        self._nodes = Nodes(deployment, Connections)
        self._waiting = Nodes(deployment, Connections, WAITING)
        self.place = self._nodes.place
        self.parts = self._nodes.parts

    @property
    def _topology(self) -> Any:
        return self._deployment.client.nodes_manager

    def one(self, operation: Operation[Any], attempts: Attempts) -> Any:
        """Return the reply to one operation: what nearly every call is, with no trouble."""
        connections = self._nodes.of(operation.keys[0])
        connection = connections.take()
        try:
            connection.send_packed_command((packed([call(operation, self._shebang)]),))
            attempts.sent = True
            reply = connection.read_response()
        except exceptions.ResponseError:
            connections.give(connection)
            raise
        except BaseException:
            connections.drop(connection)  # an answer may still be under way
            raise
        connections.give(connection)
        return reply

    def several(
        self, operations: list[Operation[Any]], place: str, attempts: Attempts
    ) -> list[Any]:
        """Return the reply to each operation, or its error in its place; all go to one server."""
        connections = self._nodes.at(place)
        replies = self._over(connections, operations, call, attempts)
        if missing := lost_scripts(replies):
            again = [operations[at] for at in missing]
            for at, reply in zip(
                missing,
                self._over(connections, again, call_with_text, attempts),
                strict=True,
            ):
                replies[at] = reply
        for at in elsewhere(replies) if self._deployment.clustered else ():
            replies[at] = self._elsewhere(operations[at], replies[at], attempts)
        return replies

    def _elsewhere(
        self, operation: Operation[Any], redirection: exceptions.AskError, attempts: Attempts
    ) -> Any:
        """Ask the server where the slot is by now, or where this part of it is."""
        try:
            if isinstance(redirection, exceptions.MovedError):
                with suppress(KeyError):  # of a slot that nobody had when they were last looked up
                    self._topology.move_slot(redirection)
            (reply,) = self._over(
                self._nodes.after(redirection), [operation], call_with_text, attempts, asking=True
            )
        except FOREIGN as error:
            return error
        return reply

    def _over(
        self,
        connections: Connections,
        operations: list[Operation[Any]],
        make: Make,
        attempts: Attempts,
        *,
        asking: bool = False,
    ) -> list[Any]:
        connection = connections.take()
        try:
            replies = self._talk(connection, operations, make, attempts, asking=asking)
        except BaseException:
            connections.drop(connection)  # an answer may still be under way
            raise
        connections.give(connection)
        return replies

    def _talk(
        self,
        connection: Any,
        operations: list[Operation[Any]],
        make: Make,
        attempts: Attempts,
        *,
        asking: bool,
    ) -> list[Any]:
        commands = [make(operation, self._shebang) for operation in operations]
        before = [ASKING] if asking else []
        confirm = self._safe and any(operation.script.writes for operation in operations)
        after = [CONFIRM] if confirm else []
        connection.send_packed_command((packed([*before, *commands, *after]),))
        attempts.sent = True
        for _ in before:
            _reply(connection)
        replies = [_reply(connection) for _ in commands]
        if confirm:
            unconfirmed(operations, replies, _reply(connection))
        return replies

    def pop(self, key: str, seconds: float) -> None:
        """Wait for something on a list; StoreUnavailable if no connection comes free for that."""
        end = time.monotonic() + seconds
        connections = self._waiting.of(key)
        connection = connections.take(seconds)
        left = end - time.monotonic()
        try:
            connection.send_packed_command((packed([pop(key, left)]),))
            connection.read_response(timeout=left + ANSWER_WITHIN)
        except exceptions.ResponseError:
            connections.give(connection)
            raise
        except BaseException:
            connections.drop(connection)
            raise
        connections.give(connection)

    def close(self) -> None:
        """Close all connections, those in use when they are given back."""
        for connections in (*self._nodes.close(), *self._waiting.close()):
            connections.close()


class AsyncExchange:
    """The same with the word `await`."""

    def __init__(self, deployment: Deployment, *, safe: bool) -> None:
        self._deployment = deployment
        self._shebang = deployment.shebang
        self._safe = safe
        self._nodes = Nodes(deployment, AsyncConnections)
        self._waiting = Nodes(deployment, AsyncConnections, WAITING)
        self.place = self._nodes.place
        self.parts = self._nodes.parts

    @property
    def _topology(self) -> Any:
        return self._deployment.client.nodes_manager

    async def several(
        self, operations: list[Operation[Any]], place: str, attempts: Attempts
    ) -> list[Any]:
        """Return the reply to each operation, or its error in its place; all go to one server."""
        connections = self._nodes.at(place)
        replies = await self._over(connections, operations, call, attempts)
        if missing := lost_scripts(replies):
            again = [operations[at] for at in missing]
            for at, reply in zip(
                missing,
                await self._over(connections, again, call_with_text, attempts),
                strict=True,
            ):
                replies[at] = reply
        for at in elsewhere(replies) if self._deployment.clustered else ():
            replies[at] = await self._elsewhere(operations[at], replies[at], attempts)
        return replies

    async def _elsewhere(
        self, operation: Operation[Any], redirection: exceptions.AskError, attempts: Attempts
    ) -> Any:
        """Ask the server where the slot is by now, or where this part of it is."""
        try:
            if isinstance(redirection, exceptions.MovedError):
                with suppress(KeyError):  # of a slot that nobody had when they were last looked up
                    await self._topology.move_slot(redirection)
            (reply,) = await self._over(
                self._nodes.after(redirection), [operation], call_with_text, attempts, asking=True
            )
        except FOREIGN as error:
            return error
        return reply

    async def _over(
        self,
        connections: AsyncConnections,
        operations: list[Operation[Any]],
        make: Make,
        attempts: Attempts,
        *,
        asking: bool = False,
    ) -> list[Any]:
        connection = await connections.take()
        try:
            replies = await self._talk(connection, operations, make, attempts, asking=asking)
        except BaseException:
            await connections.drop(connection)  # an answer may still be under way
            raise
        await connections.give(connection)
        return replies

    async def _talk(
        self,
        connection: Any,
        operations: list[Operation[Any]],
        make: Make,
        attempts: Attempts,
        *,
        asking: bool,
    ) -> list[Any]:
        commands = [make(operation, self._shebang) for operation in operations]
        before = [ASKING] if asking else []
        confirm = self._safe and any(operation.script.writes for operation in operations)
        after = [CONFIRM] if confirm else []
        await connection.send_packed_command(packed([*before, *commands, *after]))
        attempts.sent = True
        async with asyncio.timeout(ANSWER_WITHIN):
            for _ in before:
                await _reply_awaited(connection)
            replies = [await _reply_awaited(connection) for _ in commands]
            if confirm:
                unconfirmed(operations, replies, await _reply_awaited(connection))
        return replies

    async def pop(self, key: str, seconds: float) -> None:
        """Wait for something on a list; StoreUnavailable if no connection comes free for that."""
        end = time.monotonic() + seconds
        connections = self._waiting.of(key)
        connection = await connections.take(seconds)
        left = end - time.monotonic()
        try:
            await connection.send_packed_command(packed([pop(key, left)]))
            async with asyncio.timeout(left + ANSWER_WITHIN):
                await connection.read_response(timeout=math.inf)
        except exceptions.ResponseError:
            await connections.give(connection)
            raise
        except BaseException:
            await connections.drop(connection)
            raise
        await connections.give(connection)

    async def close(self) -> None:
        """Close all connections, those in use when they are given back."""
        for connections in (*self._nodes.close(), *self._waiting.close()):
            await connections.close()


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except exceptions.ResponseError as error:
        return error


async def _reply_awaited(connection: Any) -> Any:
    try:
        return await connection.read_response(timeout=math.inf)
    except exceptions.ResponseError as error:
        return error
