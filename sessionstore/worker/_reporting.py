"""Sending what a job tells: in order, numbered, each report once, as long as the job is ours."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from sessionstore._core.jobs import jobs
from sessionstore._core.jobs.jobs import Report
from sessionstore._redis.aio import AsyncDriver
from sessionstore.errors import SessionStoreError
from sessionstore.worker._run import Run
from sessionstore.worker._tellings import Tellings

__all__ = ["Reporter"]

log = logging.getLogger("sessionstore.worker")

RETRY = 0.1
LONGEST_RETRY = 1.0


class Reporter:
    """Sends what one start of a job tells.

    A report of which no answer came is sent again as it is, so that it counts once; what is told
    meanwhile waits behind it.
    """

    __slots__ = ("_driver", "_number", "_refused", "_run", "_sending", "_timer", "tellings")

    def __init__(self, driver: AsyncDriver, run: Run, refused: Callable[[Run, str], None]) -> None:
        self.tellings = Tellings()
        self._driver = driver
        self._run = run
        self._refused = refused
        self._number = 0
        self._sending: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def told(self) -> None:
        """Note that something was told; it is sent when it is due."""
        self._run.said_at = time.monotonic()
        self._look()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return self._sending is None

    async def settle(self) -> None:
        """Wait until nothing is under way; what is not sent then is for the last report."""
        while self._sending is not None:
            await asyncio.wait([self._sending])

    def last(self) -> Report:
        """Return the report that goes with the end, with all that is not sent yet."""
        if self._timer is not None:
            self._timer.cancel()
        self._number += 1
        return Report(self._number, *self.tellings.take())

    def _look(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.tellings.due
        if due is None or self._sending is not None or self._run.settled:
            return
        loop = asyncio.get_running_loop()
        if due <= time.monotonic():
            self._sending = loop.create_task(self._send())
        else:
            self._timer = loop.call_at(loop.time() + due - time.monotonic(), self._look)

    async def _send(self) -> None:
        try:
            self._number += 1
            await self._deliver(Report(self._number, *self.tellings.take()))
        finally:
            self._sending = None
            self._look()

    async def _deliver(self, said: Report) -> None:
        wait = RETRY
        while not self._run.settled:
            try:
                answer = await self._driver.do(jobs.report(self._run.key, self._run.token, said))
            except SessionStoreError as error:
                if time.monotonic() > self._run.deadline:
                    log.error("a report of job %s is lost: %s", self._run.id, error)  # noqa: TRY400
                    return
                await asyncio.sleep(wait)
                wait = min(LONGEST_RETRY, wait * 2)
            else:
                if answer:
                    self._refused(self._run, answer)
                return
