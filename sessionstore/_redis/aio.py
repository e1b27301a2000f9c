"""The asyncio driver: what the synchronous one does, and it pipelines by itself.

Operations that are asked for in the same turn of the event loop leave in one write and come back
in one read, over one connection. A call that is cancelled while its operation is under way waits
for that to finish (it is bounded by the socket timeouts), so that what the flow then does to clean
up comes after it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from itertools import starmap
from typing import Any, TypeVar

from redis import exceptions
from tenacity import AsyncRetrying

from sessionstore._core.operation import Flow, Operation, Step, Wake
from sessionstore._redis.batch import Batch
from sessionstore._redis.commands import (
    CONFIRM,
    Make,
    call,
    call_with_text,
    lost_scripts,
    packed,
    unconfirmed,
)
from sessionstore._redis.connect import ANSWER_WITHIN, Clients
from sessionstore._redis.connections import AsyncConnections
from sessionstore._redis.errors import (
    FOREIGN,
    REPEATING,
    Attempts,
    check_version,
    is_transient,
    translated,
)

__all__ = ["AsyncDriver"]

T = TypeVar("T")

BATCH = 12
"""Operations in one write: more share its cost, fewer let the server work while we pack on."""


class AsyncDriver:
    """Answers operations and runs flows over a pair of clients, in one event loop."""

    def __init__(
        self, clients: Clients, revive: Callable[[], object] | None = None, *, safe: bool = False
    ) -> None:
        self._clients = clients
        self._revive = revive
        self._safe = safe
        self._exchange = self._through_cluster
        if not clients.clustered:
            connections = AsyncConnections(clients.commands.connection_pool)
            self._exchange = partial(self._through_connection, connections)
        self._gathering: Batch | None = None
        self._sending: set[asyncio.Task[None]] = set()

    async def do(self, operation: Operation[T]) -> T:
        """Do one operation."""
        return operation.parse(await self._call(operation))

    async def batch(self, operations: Sequence[Operation[T]]) -> list[T]:
        """Do many in one round trip per server; the answers are in order."""
        replies = await self._answer(list(operations))
        return [
            operation.parse(reply) for operation, reply in zip(operations, replies, strict=True)
        ]

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end; an error goes through the flow, which may clean up first."""
        try:
            step = next(flow)
            while True:
                try:
                    answer = await self._answer(step)
                except BaseException as error:  # noqa: BLE001 - the flow raises it again
                    step = flow.throw(error)
                else:
                    step = flow.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result

    async def check_server(self) -> None:
        """Make sure that the server answers and is not too old; StoreUnavailable if not."""
        try:
            check_version(await self._clients.commands.info("server"))
        except exceptions.NoPermissionError:
            pass  # then it is not checked: an old one fails at the first script
        except FOREIGN as error:
            raise translated(error, Attempts()) from error

    async def close(self) -> None:
        """Close all connections, once what is under way has arrived."""
        if self._sending:
            await asyncio.wait(self._sending)
        for client in self._clients.all():
            await client.aclose()
            if self._clients.clustered:
                # After an error, redis-py takes itself for closed and leaves its nodes alone.
                await client.nodes_manager.aclose()
                await client.nodes_manager.aclose("startup_nodes")

    async def _answer(self, step: Step) -> Any:
        if isinstance(step, Operation):
            return await self._call(step)
        if isinstance(step, Wake):
            return await self._wait(step)
        calls = [self._submit(operation) for operation in step]
        answers = await asyncio.gather(*starmap(_outcome, calls), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers

    async def _call(self, operation: Operation[Any]) -> Any:
        return await _outcome(*self._submit(operation))

    def _submit(self, operation: Operation[Any]) -> tuple[Batch, asyncio.Future[Any]]:
        loop = asyncio.get_running_loop()
        batch = self._gathering
        if batch is None or len(batch.operations) >= BATCH:
            batch = self._gathering = Batch(loop)
            loop.call_soon(self._dispatch, batch)
        future = loop.create_future()
        batch.operations.append(operation)
        batch.futures.append(future)
        return batch, future

    def _dispatch(self, batch: Batch) -> None:
        if self._gathering is batch:
            self._gathering = None
        task = asyncio.get_running_loop().create_task(self._send(batch))
        self._sending.add(task)
        task.add_done_callback(partial(self._ended, batch))

    def _ended(self, batch: Batch, task: asyncio.Task[None]) -> None:
        # Also if the task was cancelled, as all are when the loop ends, even before its first step.
        self._sending.discard(task)
        for future in batch.futures:
            future.cancel()
        batch.done.set_result(None)

    async def _send(self, batch: Batch) -> None:
        try:
            try:
                await self._attempt(batch)
            except Exception as error:
                if not is_transient(error):
                    raise
                await AsyncRetrying(**REPEATING)(self._attempt, batch)
        except Exception as error:  # noqa: BLE001 - for those who wait
            for at in batch.unanswered():
                batch.answer(at, error)

    async def _attempt(self, batch: Batch) -> None:
        """Send what has no answer yet; raise if some of it has none after that."""
        asked = batch.unanswered()
        try:
            replies = await self._answers([batch.operations[at] for at in asked], batch)
        except Exception as error:
            await self._failed(batch, error)
            raise
        failures = []
        for at, reply in zip(asked, replies, strict=True):
            if isinstance(reply, Exception) and is_transient(reply):
                failures.append(reply)
            else:
                batch.answer(at, reply)
        if failures:
            await self._failed(batch, failures[0])
            raise failures[0]

    async def _failed(self, batch: Batch, error: Exception) -> None:
        batch.attempts.failed(error, batch.operations)
        if self._revive is not None and is_transient(error):
            await asyncio.to_thread(self._revive)

    async def _answers(self, operations: list[Operation[Any]], batch: Batch) -> list[Any]:
        if not operations:
            return []
        replies = await self._exchange(operations, call, batch)
        if missing := lost_scripts(replies):
            again = [operations[at] for at in missing]
            for at, reply in zip(
                missing, await self._exchange(again, call_with_text, batch), strict=True
            ):
                replies[at] = reply
        return replies

    async def _through_connection(
        self,
        connections: AsyncConnections,
        operations: list[Operation[Any]],
        make: Make,
        batch: Batch,
    ) -> list[Any]:
        connection = await connections.take()
        try:
            replies = await self._talk(connection, operations, make, batch)
        except BaseException:
            await connections.drop(connection)
            raise
        connections.give(connection)
        return replies

    async def _talk(
        self, connection: Any, operations: list[Operation[Any]], make: Make, batch: Batch
    ) -> list[Any]:
        commands = [make(operation, self._clients.shebang) for operation in operations]
        confirm = self._safe and any(operation.script.writes for operation in operations)
        await connection.send_packed_command(packed([*commands, CONFIRM] if confirm else commands))
        batch.attempts.sent = True
        async with asyncio.timeout(ANSWER_WITHIN):
            replies = [await _reply(connection) for _ in commands]
            if confirm:
                unconfirmed(operations, replies, await _reply(connection))
        return replies

    async def _through_cluster(
        self, operations: list[Operation[Any]], make: Make, batch: Batch
    ) -> list[Any]:
        """Send each node its part; a node that fails fails only its own."""
        cluster = self._clients.commands
        await cluster.initialize()
        batch.attempts.sent = True  # the client does not tell whether it got that far
        if len(operations) == 1 and not self._safe:
            try:
                return [await cluster.execute_command(*make(operations[0], self._clients.shebang))]
            except exceptions.NoScriptError as error:
                return [error]
        parts: dict[Any, list[int]] = {}
        for at, operation in enumerate(operations):
            parts.setdefault(cluster.get_node_from_key(operation.keys[0]), []).append(at)
        answers = await asyncio.gather(
            *(
                self._through_node(node, [operations[at] for at in part], make, batch)
                for node, part in parts.items()
            )
        )
        replies: list[Any] = [None] * len(operations)
        for part, answer in zip(parts.values(), answers, strict=True):
            for at, reply in zip(part, answer, strict=True):
                replies[at] = reply
        if any(isinstance(reply, Exception) and is_transient(reply) for reply in replies):
            with suppress(*FOREIGN):  # who has which slots now? a pipeline does not ask by itself
                await cluster.nodes_manager.initialize()
        return replies

    async def _through_node(
        self, node: Any, operations: list[Operation[Any]], make: Make, batch: Batch
    ) -> Sequence[Any]:
        try:
            if self._safe:  # WAIT goes over the connection that made the change
                return await self._over_connection_of(node, operations, make, batch)
            pipeline = self._clients.commands.pipeline()
            for operation in operations:
                pipeline.execute_command(*make(operation, self._clients.shebang))
            replies: Sequence[Any] = await pipeline.execute(raise_on_error=False)
        except FOREIGN as error:
            return [error] * len(operations)
        return replies

    async def _over_connection_of(
        self, node: Any, operations: list[Operation[Any]], make: Make, batch: Batch
    ) -> list[Any]:
        connection = node.acquire_connection()
        try:
            return await self._talk(connection, operations, make, batch)
        except BaseException:
            await connection.disconnect(nowait=True)  # an answer may still be under way
            raise
        finally:
            node.release(connection)

    async def _wait(self, wake: Wake) -> None:
        begun = time.monotonic()
        try:
            await _uninterrupted(
                self._clients.waiting.blpop([wake.key], timeout=wake.milliseconds / 1000)
            )
        except FOREIGN as error:
            if not is_transient(error):
                raise translated(error, Attempts()) from error
            # The line is kept by the server, so a lost connection costs one more look at it. Not
            # at once, though, should connecting fail again and again.
            left = wake.milliseconds / 1000 - (time.monotonic() - begun)
            await asyncio.sleep(max(0.0, min(left, 0.05)))


async def _uninterrupted(reading: Coroutine[Any, Any, Any]) -> None:
    """Wait for a blocking read; if cancelled, once that has ended.

    The read has a task of its own, because redis-py on Python 3.11 now and then loses a
    cancellation (of `asyncio.wait_for`), and the caller would go on waiting.
    """
    task = asyncio.ensure_future(reading)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task], timeout=0.05)
        if not task.cancelled():
            task.exception()  # nobody wants to know
        raise


async def _outcome(batch: Batch, future: asyncio.Future[Any]) -> Any:
    try:
        return await future
    except asyncio.CancelledError:
        while not batch.done.done():
            try:
                await asyncio.shield(batch.done)
            except asyncio.CancelledError:
                continue
        raise


async def _reply(connection: Any) -> Any:
    try:
        return await connection.read_response(timeout=math.inf)
    except exceptions.ResponseError as error:
        return error
