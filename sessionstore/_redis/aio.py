"""The asyncio driver: what the synchronous one does, and it pipelines by itself.

Operations for one server that are asked for in the same turn of the event loop leave in one write
and come back in one read, over one connection. A call that is cancelled while its operation is
under way waits for that to finish (it is bounded by the socket timeouts), so that what the flow
then does to clean up comes after it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from redis import exceptions
from tenacity import AsyncRetrying

from sessionstore._core.operation import Flow, Operation, Step, Wake
from sessionstore._redis.batch import AsyncBatch
from sessionstore._redis.connect import Deployment
from sessionstore._redis.errors import (
    FOREIGN,
    TOLD,
    Attempts,
    check_version,
    is_transient,
    repeating,
    translated,
)
from sessionstore._redis.exchange import AsyncExchange
from sessionstore._redis.ringing import Ringing
from sessionstore.errors import ConfigError, SessionStoreError, StoreUnavailable

__all__ = ["AsyncDriver"]

T = TypeVar("T")

BATCH = 25
"""Operations in one write: more share its cost, fewer let the server work while we do, too."""


class AsyncDriver:
    """Answers operations and runs flows over a deployment, in one event loop."""

    def __init__(
        self,
        deployment: Deployment,
        revive: Callable[[], object] | None = None,
        *,
        safe: bool = False,
    ) -> None:
        self._deployment = deployment
        self._revive = revive
        self._safe = safe
        self._exchange = AsyncExchange(deployment, safe=safe)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ringing: Ringing | None = None
        self._gathering: dict[str, AsyncBatch] = {}
        self._under_way: set[asyncio.Future[None]] = set()
        self._sending: set[asyncio.Task[None]] = set()

    def beside(self) -> AsyncDriver:
        """Return a driver with connections of its own, which no load on this one can take.

        It confirms nothing: what it does must be over soon. Whoever asked for it closes it.
        """
        return AsyncDriver(self._deployment, self._revive)

    def place(self, key: str) -> str:
        """Return which server has a key, as far as is known."""
        return self._exchange.place(key)

    @property
    def ringing(self) -> Ringing:
        """What listens to channels; there is one for all that use this driver."""
        if self._ringing is None:
            self._ringing = Ringing(self._deployment, self._revive)
        return self._ringing

    async def do(self, operation: Operation[T]) -> T:
        """Do one operation."""
        return operation.parse(await self._call(operation))

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
            check_version(await self._deployment.client.info("server"))
        except exceptions.NoPermissionError:
            pass  # then it is not checked: an old one fails at the first script
        except FOREIGN as error:
            raise translated(error, Attempts()) from error

    async def close(self) -> None:
        """Close all connections; what is under way ends first, what comes after is StoreClosed."""
        self._exchange.close()
        if self._ringing is not None:
            await self._ringing.close()
        if self._under_way:
            await asyncio.wait(self._under_way)
        for client in self._deployment.clients():
            await client.aclose()
            if self._deployment.clustered:
                # After an error, redis-py takes itself for closed and leaves its nodes alone.
                await client.nodes_manager.aclose()
                await client.nodes_manager.aclose("startup_nodes")

    def _answer(self, step: Step) -> Coroutine[Any, Any, Any]:
        if isinstance(step, Operation):
            return self._call(step)
        if isinstance(step, Wake):
            return self._wait(step)
        return self._each(step)

    async def _each(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        if len(operations) == 1:  # what gathers would cost a turn of the loop
            try:
                return [await self._call(operations[0])]
            except SessionStoreError as error:
                return [error]
        submitted = [self._submit(operation) for operation in operations]
        answering = [answered for _, answered in submitted]
        try:
            answers = await asyncio.gather(*answering, return_exceptions=True)
        except asyncio.CancelledError:
            for batch, _ in submitted:
                await batch.ended()
            raise
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, SessionStoreError):
                raise answer
        return answers

    async def _call(self, operation: Operation[Any]) -> Any:
        batch, answered = self._submit(operation)
        try:
            return await answered
        except asyncio.CancelledError:
            await batch.ended()
            raise

    def _submit(self, operation: Operation[Any]) -> tuple[AsyncBatch, asyncio.Future[Any]]:
        """Put an operation into the batch that leaves next."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._belong_to(loop)
        place = self._exchange.place(operation.keys[0])
        batch = self._gathering.get(place)
        if batch is None or len(batch.operations) >= BATCH:
            batch = self._gathering[place] = AsyncBatch(loop, place)
            self._under_way.add(batch.done)
            loop.call_soon(self._dispatch, batch)
        return batch, batch.add(operation)

    def _belong_to(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not None:
            raise ConfigError("a store belongs to one event loop; connect again in this one")
        self._loop = loop

    def _dispatch(self, batch: AsyncBatch) -> None:
        if self._gathering.get(batch.place) is batch:
            del self._gathering[batch.place]
        begun = False
        if not self._safe:
            with suppress(Exception):  # then `_send` meets it again, and tells those who wait
                begun = self._exchange.begin(
                    batch.operations, batch.place, batch.attempts, partial(self._ended, batch)
                )
        if not begun:
            self._thoroughly(batch)

    def _ended(self, batch: AsyncBatch, outcome: list[Any] | BaseException) -> None:
        if isinstance(outcome, asyncio.CancelledError):
            self._over(batch)  # the loop ends
        elif not isinstance(outcome, list):
            batch.failed(outcome)
            self._thoroughly(batch, outcome)
        elif trouble := batch.accept(outcome):
            batch.failed(trouble)
            self._thoroughly(batch)
        else:
            self._over(batch)

    def _thoroughly(self, batch: AsyncBatch, error: BaseException | None = None) -> None:
        task = asyncio.get_running_loop().create_task(self._send(batch, error))
        self._sending.add(task)
        # Also if the task was cancelled, as all are when the loop ends, even before its first step.
        task.add_done_callback(partial(self._over, batch))

    def _over(self, batch: AsyncBatch, task: asyncio.Task[None] | None = None) -> None:
        if task is not None:
            self._sending.discard(task)
        self._under_way.discard(batch.done)
        batch.over()

    async def _send(self, batch: AsyncBatch, error: BaseException | None) -> None:
        """Do what is left of a batch; an error says why a first attempt had no answer."""
        try:
            if error is None:
                try:
                    await self._attempt(batch)
                except Exception as failure:
                    if not is_transient(failure):
                        raise
                else:
                    return
            else:
                await self._recover(batch.place, error)
            await AsyncRetrying(**repeating(batch.attempts))(self._attempt, batch)
        except Exception as failure:  # noqa: BLE001 - for those who wait
            batch.end(failure)

    async def _attempt(self, batch: AsyncBatch) -> None:
        """Send what has no answer yet; raise if some of it has none after that."""
        asked = batch.unanswered()
        place = self._exchange.place(batch.key)
        operations = [batch.operations[at] for at in asked]
        try:
            replies = await self._exchange.several(operations, place, batch.attempts)
            error = batch.enter(asked, replies)
        except TOLD as raised:
            error = raised
        if error is not None:
            batch.failed(error)
            if is_transient(error):
                await self._recover(place, error)
            raise error

    async def _recover(self, place: str, error: BaseException) -> None:
        if self._revive is not None:
            await asyncio.to_thread(self._revive)
        if self._deployment.clustered and not isinstance(error, exceptions.TryAgainError):
            with suppress(*FOREIGN):  # who has which slots now?
                await self._deployment.client.nodes_manager.initialize(last_failed_node_name=place)

    async def _wait(self, wake: Wake) -> None:
        begun = time.monotonic()
        seconds = wake.milliseconds / 1000
        try:
            await _uninterrupted(self._exchange.pop(wake.key, seconds))
        except StoreUnavailable:
            return  # so many wait here that none of their connections came free in all that time
        except FOREIGN as error:
            if not is_transient(error):
                raise translated(error, Attempts()) from error
            # The line is kept by the server, so a lost connection costs one more look at it. Not
            # at once, though, should connecting fail again and again.
            left = seconds - (time.monotonic() - begun)
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
