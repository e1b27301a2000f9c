"""The synchronous driver: carries operations to a server, and runs flows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from redis import exceptions
from tenacity import Retrying

from sessionstore._core.operation import Flow, Operation, Step, Wake
from sessionstore._redis.commands import (
    CONFIRM,
    Make,
    call,
    call_with_text,
    lost_scripts,
    packed,
    unconfirmed,
)
from sessionstore._redis.connect import Clients
from sessionstore._redis.connections import Connections
from sessionstore._redis.errors import (
    FOREIGN,
    REPEATING,
    Attempts,
    check_version,
    is_transient,
    translated,
)

__all__ = ["Driver"]

T = TypeVar("T")

Exchange = Callable[[list[Operation[Any]], Make, Attempts], list[Any]]


class Driver:
    """Answers operations and runs flows over a pair of clients; safe for threads and forks."""

    def __init__(
        self, clients: Clients, revive: Callable[[], object] | None = None, *, safe: bool = False
    ) -> None:
        self._clients = clients
        self._revive = revive
        self._safe = safe
        self._connections: Connections | None = None
        self._exchange: Exchange = self._through_cluster
        if not clients.clustered:
            self._connections = Connections(clients.commands.connection_pool)
            self._exchange = partial(self._through_connection, self._connections)

    def do(self, operation: Operation[T]) -> T:
        """Do one operation."""
        return operation.parse(self._answer(operation))

    def batch(self, operations: Sequence[Operation[T]]) -> list[T]:
        """Do many in one round trip per server; the answers are in order."""
        replies = self._answer(list(operations))
        return [
            operation.parse(reply) for operation, reply in zip(operations, replies, strict=True)
        ]

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end; an error goes through the flow, which may clean up first."""
        try:
            step = next(flow)
            while True:
                try:
                    answer = self._answer(step)
                except BaseException as error:  # noqa: BLE001 - the flow raises it again
                    step = flow.throw(error)
                else:
                    step = flow.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def check_server(self) -> None:
        """Make sure that the server answers and is not too old; StoreUnavailable if not."""
        try:
            check_version(self._clients.commands.info("server"))
        except exceptions.NoPermissionError:
            pass  # then it is not checked: an old one fails at the first script
        except FOREIGN as error:
            raise translated(error, Attempts()) from error

    def ask_each(self, *command: str | int, only: str = "") -> dict[str, Any]:
        """Send a command that is no script to every primary; the answers by the node's address.

        `only` is the address of the one that is asked. A single server has no address.
        """
        commands = self._clients.commands
        try:
            if not self._clients.clustered:
                return {"": commands.execute_command(*command)}
            return {
                node.name: commands.execute_command(*command, target_nodes=node)
                for node in commands.get_primaries()
                if only in ("", node.name)
            }
        except FOREIGN as error:
            raise translated(error, Attempts()) from error

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.all():
            client.close()

    def _answer(self, step: Step) -> Any:
        if isinstance(step, Operation):
            return self._single(step)
        if isinstance(step, Wake):
            return self._wait(step)
        return self._call(step) if step else []

    def _single(self, operation: Operation[Any]) -> Any:
        """Do what nearly every call is: one command over one connection, and no trouble."""
        connections = self._connections
        if connections is None or self._safe:
            return self._call([operation])[0]
        attempts = Attempts()
        try:
            connection = connections.take()
            try:
                connection.send_packed_command((packed([call(operation, self._clients.shebang)]),))
                attempts.sent = True
                reply = connection.read_response()
            except exceptions.ResponseError:
                connections.give(connection)
                raise
            except BaseException:
                connections.drop(connection)  # an answer may still be under way
                raise
            else:
                connections.give(connection)
                return reply
        except exceptions.RedisError as error:
            attempts.failed(error, [operation])
            return self._call([operation], attempts)[0]

    def _call(
        self, operations: list[Operation[Any]], attempts: Attempts | None = None
    ) -> list[Any]:
        attempts = attempts or Attempts()
        try:
            return Retrying(**REPEATING)(self._attempt, operations, attempts)
        except FOREIGN as error:
            raise translated(error, attempts) from error

    def _attempt(self, operations: list[Operation[Any]], attempts: Attempts) -> list[Any]:
        try:
            return self._answers(operations, attempts)
        except Exception as error:
            attempts.failed(error, operations)
            if self._revive is not None and is_transient(error):
                self._revive()
            raise

    def _answers(self, operations: list[Operation[Any]], attempts: Attempts) -> list[Any]:
        replies = self._exchange(operations, call, attempts)
        if missing := lost_scripts(replies):
            again = [operations[at] for at in missing]
            for at, reply in zip(
                missing, self._exchange(again, call_with_text, attempts), strict=True
            ):
                replies[at] = reply
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    def _through_connection(
        self,
        connections: Connections,
        operations: list[Operation[Any]],
        make: Make,
        attempts: Attempts,
    ) -> list[Any]:
        connection = connections.take()
        try:
            replies = self._talk(connection, operations, make, attempts)
        except BaseException:
            connections.drop(connection)  # an answer may still be under way
            raise
        connections.give(connection)
        return replies

    def _talk(
        self, connection: Any, operations: list[Operation[Any]], make: Make, attempts: Attempts
    ) -> list[Any]:
        commands = [make(operation, self._clients.shebang) for operation in operations]
        confirm = self._safe and any(operation.script.writes for operation in operations)
        connection.send_packed_command((packed([*commands, CONFIRM] if confirm else commands),))
        attempts.sent = True
        replies = [_reply(connection) for _ in commands]
        if confirm:
            unconfirmed(operations, replies, _reply(connection))
        return replies

    def _through_cluster(
        self, operations: list[Operation[Any]], make: Make, attempts: Attempts
    ) -> list[Any]:
        cluster = self._clients.commands
        attempts.sent = True  # the client does not tell whether it got that far
        commands = [make(operation, self._clients.shebang) for operation in operations]
        if self._safe:
            replies = [self._through_node(operation, make, attempts) for operation in operations]
        elif len(commands) == 1:
            try:
                return [cluster.execute_command(*commands[0])]
            except exceptions.NoScriptError as error:
                return [error]
        else:
            pipeline = cluster.pipeline()
            for command in commands:
                pipeline.execute_command(*command)
            replies = list(pipeline.execute(raise_on_error=False))
        if any(isinstance(reply, Exception) and is_transient(reply) for reply in replies):
            with suppress(*FOREIGN):  # who has which slots now? a pipeline does not ask by itself
                cluster.nodes_manager.initialize()
        return replies

    def _through_node(self, operation: Operation[Any], make: Make, attempts: Attempts) -> Any:
        """Send an operation and its confirmation over one connection, as WAIT must be."""
        cluster = self._clients.commands
        try:
            node = cluster.get_node_from_key(operation.keys[0])
            pool = cluster.get_redis_connection(node).connection_pool
            connection = pool.get_connection()
        except FOREIGN as error:
            return error
        try:
            return self._talk(connection, [operation], make, attempts)[0]
        except FOREIGN as error:
            connection.disconnect()
            return error
        finally:
            pool.release(connection)

    def _wait(self, wake: Wake) -> None:
        begun = time.monotonic()
        try:
            self._clients.waiting.blpop([wake.key], timeout=wake.milliseconds / 1000)
        except FOREIGN as error:
            if not is_transient(error):
                raise translated(error, Attempts()) from error
            # The line is kept by the server, so a lost connection costs one more look at it. Not
            # at once, though, should connecting fail again and again.
            left = wake.milliseconds / 1000 - (time.monotonic() - begun)
            time.sleep(max(0.0, min(left, 0.05)))


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except exceptions.ResponseError as error:
        return error
