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
from sessionstore._redis.aio import AsyncDriver
from sessionstore._redis.batch import Batch
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
from sessionstore._redis.exchange import Exchange
from sessionstore._redis.looping import Looping
from sessionstore.errors import ConfigError, StoreUnavailable

__all__ = ["Driver"]

T = TypeVar("T")


class Driver:
    """Answers operations and runs flows over a deployment; safe for threads and forks."""

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
        self._exchange = Exchange(deployment, safe=safe)
        # Nothing in it leads back here: a store that nobody has any more is freed at once.
        self.looping = Looping(partial(_awaited, deployment, revive))

    def beside(self) -> Driver:
        """Return a driver with connections of its own, which no load on this one can take.

        It confirms nothing: what it does must be over soon. Whoever asked for it closes it.
        """
        return Driver(self._deployment, self._revive)

    def place(self, key: str) -> str:
        """Return which server has a key, as far as is known."""
        return self._exchange.place(key)

    def do(self, operation: Operation[T]) -> T:
        """Do one operation."""
        return operation.parse(self._answer(operation))

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
            check_version(self._deployment.client.info("server"))
        except exceptions.NoPermissionError:
            pass  # then it is not checked: an old one fails at the first script
        except FOREIGN as error:
            raise translated(error, Attempts()) from error

    def ask_each(self, *command: str | int, only: str = "") -> dict[str, Any]:
        """Send a command that is no script to every primary; the answers by the node's address.

        `only` is the address of the one that is asked. A single server has no address.
        """
        commands = self._deployment.client
        try:
            if not self._deployment.clustered:
                return {"": commands.execute_command(*command)}
            return {
                node.name: commands.execute_command(*command, target_nodes=node)
                for node in commands.get_primaries()
                if only in ("", node.name)
            }
        except FOREIGN as error:
            raise translated(error, Attempts()) from error

    def close(self) -> None:
        """Close all connections; what is under way ends first, what comes after is StoreClosed."""
        self.looping.close()
        self._exchange.close()
        for client in self._deployment.clients():
            client.close()

    def _answer(self, step: Step) -> Any:
        if isinstance(step, Operation):
            return self._single(step)
        if isinstance(step, Wake):
            return self._wait(step)
        return self._each(step)

    def _single(self, operation: Operation[Any]) -> Any:
        attempts = Attempts()
        if not self._safe:
            try:
                return self._exchange.one(operation, attempts)
            except FOREIGN as error:
                attempts.failed(error, [operation])
        (answer,) = self._call([operation], attempts)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _each(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        """Do operations, server by server, so that one that fails fails only its own.

        One after the other: who holds a connection to a healthy server does not wait for another
        one meanwhile.
        """
        answers: list[Any] = [None] * len(operations)
        for part in self._exchange.parts(operations):
            for at, answer in zip(part, self._call([operations[at] for at in part]), strict=True):
                answers[at] = answer
        return answers

    def _call(
        self, operations: Sequence[Operation[Any]], attempts: Attempts | None = None
    ) -> list[Any]:
        """Return the answer to each, or its error in its place."""
        batch = Batch(operations, attempts)
        try:
            if attempts is not None or self._safe or not self._succeeds_at_once(batch):
                Retrying(**repeating(batch.attempts))(self._attempt, batch)
        except TOLD as error:
            batch.end(error)
        return [batch.answers[at] for at in range(len(operations))]

    def _succeeds_at_once(self, batch: Batch) -> bool:
        """Make the first attempt, as nearly all are: without what it takes to repeat it."""
        try:
            self._attempt(batch)
        except TOLD:
            return False
        return True

    def _attempt(self, batch: Batch) -> None:
        """Send what has no answer yet; raise if some of it has none after that."""
        asked = batch.unanswered()
        place = self._exchange.place(batch.key)
        operations = [batch.operations[at] for at in asked]
        try:
            error = batch.enter(asked, self._exchange.several(operations, place, batch.attempts))
        except TOLD as raised:
            error = raised
        if error is not None:
            batch.failed(error)
            if is_transient(error):
                self._recover(place, error)
            raise error

    def _recover(self, place: str, error: Exception) -> None:
        if self._revive is not None:
            self._revive()
        if self._deployment.clustered and not isinstance(error, exceptions.TryAgainError):
            with suppress(*FOREIGN):  # who has which slots now?
                self._deployment.client.nodes_manager.initialize(last_failed_node_name=place)

    def _wait(self, wake: Wake) -> None:
        begun = time.monotonic()
        seconds = wake.milliseconds / 1000
        try:
            self._exchange.pop(wake.key, seconds)
        except StoreUnavailable:
            return  # so many wait here that none of their connections came free in all that time
        except FOREIGN as error:
            if not is_transient(error):
                raise translated(error, Attempts()) from error
            # The line is kept by the server, so a lost connection costs one more look at it. Not
            # at once, though, should connecting fail again and again.
            left = seconds - (time.monotonic() - begun)
            time.sleep(max(0.0, min(left, 0.05)))


def _awaited(deployment: Deployment, revive: Callable[[], object] | None) -> AsyncDriver:
    make = deployment.awaited
    if make is None:
        raise ConfigError("this store cannot be used in an event loop, too")
    return AsyncDriver(make(), revive)
