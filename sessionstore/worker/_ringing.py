"""The ring of jobs that are to stop: heard at once, where a beat would learn it later."""

from __future__ import annotations

import asyncio
import time

from sessionstore._core.jobs import jobs
from sessionstore._core.jobs.keys import stop_channels
from sessionstore._core.keys import Keyspace
from sessionstore._redis.aio import AsyncDriver
from sessionstore.errors import SessionStoreError
from sessionstore.worker._running import Running

__all__ = ["Ringing"]


class Ringing:
    """Listens on all channels on which jobs ring that are to stop.

    A ring says which job; a beat for that one then says what there is to know. One that is lost
    costs the time until the next beat.
    """

    def __init__(
        self, driver: AsyncDriver, keys: Keyspace, running: Running, lease_ms: int
    ) -> None:
        self._driver = driver
        self._running = running
        self._lease_ms = lease_ms
        self._asking: set[asyncio.Task[None]] = set()
        self._listening = driver.ringing.listen_to_all(stop_channels(keys), self._rung)

    def close(self) -> None:
        """Listen no more."""
        for listening in self._listening:
            listening.close()
        for task in self._asking:
            task.cancel()

    def _rung(self, message: bytes | None) -> None:
        id = (message or b"").decode("ascii", "replace")
        if id in self._running.runs:
            task = asyncio.get_running_loop().create_task(self._ask(id))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask(self, id: str) -> None:
        if (run := self._running.runs.get(id)) is None:
            return
        sent = time.monotonic()
        beat = jobs.beat(run.key.bucket, self._lease_ms, [(run.key, run.token)])
        try:
            (answer,) = await self._driver.do(beat)
        except SessionStoreError:
            return  # the next beat says it
        self._running.heard(id, run.token, answer, sent)
