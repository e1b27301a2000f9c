"""One round trip with one server, in both kinds: what is sent, and where a refusal leads.

A script that the server does not know is sent along. A slot that is elsewhere by now, or on its
way there, is asked for there.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Generic, TypeVar

from redis import exceptions

from sessionstore._core.operation import Operation
from sessionstore._redis.commands import (
    Asked,
    Make,
    call,
    call_with_text,
    elsewhere,
    joined,
    lost_scripts,
    packed,
    pop,
    with_fetches,
)
from sessionstore._redis.connect import ANSWER_WITHIN, Deployment
from sessionstore._redis.connections import AsyncConnections, Connections
from sessionstore._redis.errors import TOLD, Attempts
from sessionstore._redis.insides import connect_wire, connect_wire_async
from sessionstore._redis.nodes import Nodes
from sessionstore._redis.wires import Ended, exchange

__all__ = ["AsyncExchange", "Exchange"]

AT_ONCE = 10
"""How many connections to one server carry batches at a time, in an event loop.

With all of them full, a turn of the loop takes in so many answers that the renewal of what is open
still comes round in time.
"""

WAITING = 500
"""How many connections to one server may wait for a wake-up at a time."""


C = TypeVar("C", Connections, AsyncConnections)


class _Exchange(Generic[C]):
    """What both kinds share: everything but the waiting for a server."""

    def __init__(
        self, deployment: Deployment, nodes: Nodes[C], waiting: Nodes[C], *, safe: bool
    ) -> None:
        self._deployment = deployment
        self._shebang = deployment.shebang
        self._safe = safe
        self._nodes: Nodes[C] = nodes
        self._waiting: Nodes[C] = waiting
        self.place = nodes.place
        self.parts = nodes.parts

    @property
    def _topology(self) -> Any:
        return self._deployment.client.nodes_manager

    def close(self) -> None:
        """Close all connections, those in use when they are given back."""
        for connections in (*self._nodes.close(), *self._waiting.close()):
            connections.close()


class Exchange(_Exchange[Connections]):
    """Talks with the servers of a deployment, over connections that are its own."""

    def __init__(self, deployment: Deployment, *, safe: bool) -> None:
        super().__init__(
            deployment,
            Nodes(deployment, Connections, connect_wire),
            Nodes(deployment, Connections, connect_wire, WAITING),
            safe=safe,
        )

    def one(self, operation: Operation[Any], attempts: Attempts) -> Any:
        """Return the reply to one operation: what nearly every call is, with no trouble."""
        commands, fetch = with_fetches((operation,), call, self._shebang), operation.fetch
        connections = self._nodes.of(operation.keys[0])
        replies = self._sent(connections, packed(commands), len(commands), attempts)
        reply = replies[0] if fetch is None else fetch.join(*replies)
        if isinstance(reply, Exception):
            raise reply
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
        except TOLD as error:
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
        asked = Asked(operations, make, self._shebang, safe=self._safe, asking=asking)
        return asked.answers(self._sent(connections, asked.commands, asked.count, attempts))

    def _sent(
        self, connections: Connections, data: bytes, count: int, attempts: Attempts
    ) -> list[Any]:
        """Return the replies to what is sent over one of the connections."""
        wire = connections.take()
        try:
            attempts.sent = count > 1  # of several, the first ones may arrive if this breaks off
            wire.send(data)
            attempts.sent = True
            replies: list[Any] = wire.receive(count)
        except BaseException:
            connections.drop(wire)  # an answer may still be under way
            raise
        connections.give(wire)
        return replies

    def pop(self, key: str, seconds: float) -> None:
        """Wait for something on a list; StoreUnavailable if no connection comes free for that."""
        end = time.monotonic() + seconds
        connections = self._waiting.of(key)
        wire = connections.take(seconds)
        left = max(0.0, end - time.monotonic())  # connecting may have taken all of it
        try:
            wire.send(packed([pop(key, left)]))
            (reply,) = wire.receive(1, left + ANSWER_WITHIN)
        except BaseException:
            connections.drop(wire)
            raise
        connections.give(wire)
        if isinstance(reply, Exception):
            raise reply


class AsyncExchange(_Exchange[AsyncConnections]):
    """The same with the word `await`."""

    def __init__(self, deployment: Deployment, *, safe: bool) -> None:
        super().__init__(
            deployment,
            Nodes(deployment, AsyncConnections, connect_wire_async, AT_ONCE),
            Nodes(deployment, AsyncConnections, connect_wire_async, WAITING),
            safe=safe,
        )

    def begin(
        self, operations: list[Operation[Any]], place: str, attempts: Attempts, ended: Ended
    ) -> bool:
        """Send operations if a connection is at hand: what nearly every call is, with no trouble.

        `ended` is told the reply to each, or its error in its place. False: nothing is sent, and
        `several` must do it.
        """
        commands = with_fetches(operations, call, self._shebang)
        data = packed(commands)  # what cannot be packed takes no connection
        connections = self._nodes.at(place)
        wire = connections.at_hand()
        if wire is None:
            return False

        def put_away(outcome: list[Any] | BaseException) -> None:
            if isinstance(outcome, list):
                connections.give(wire)
                ended(joined(operations, outcome))
            else:
                connections.drop(wire)
                ended(outcome)

        try:
            wire.begin(data, len(commands), put_away)
        except exceptions.ConnectionError:
            connections.drop(wire)
            return False
        attempts.sent = True
        return True

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
        except TOLD as error:
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
        asked = Asked(operations, make, self._shebang, safe=self._safe, asking=asking)
        wire = await connections.take()
        try:
            answered = exchange(wire, asked.commands, asked.count)
            attempts.sent = True
            replies = await answered
        except BaseException:
            connections.drop(wire)  # an answer may still be under way
            raise
        connections.give(wire)
        return asked.answers(replies)

    async def pop(self, key: str, seconds: float) -> None:
        """Wait for something on a list; StoreUnavailable if no connection comes free for that."""
        end = time.monotonic() + seconds
        connections = self._waiting.of(key)
        wire = await connections.take(seconds)
        left = max(0.0, end - time.monotonic())  # connecting may have taken all of it
        try:
            (reply,) = await exchange(wire, packed([pop(key, left)]), 1, left + ANSWER_WITHIN)
        except BaseException:
            connections.drop(wire)
            raise
        connections.give(wire)
        if isinstance(reply, Exception):
            raise reply
