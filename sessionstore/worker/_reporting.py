"""Sending what a job tells: in order, numbered, each report once, as long as the job is ours."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from sessionstore._checks import Duration, optional_milliseconds
from sessionstore._core.jobs import files, jobs
from sessionstore._core.jobs.asking import await_answer
from sessionstore._core.jobs.jobs import Report
from sessionstore._redis.aio import AsyncDriver
from sessionstore.errors import JobNotFound, SessionStoreError
from sessionstore.jobs.stopped import Stopped
from sessionstore.worker._questions import CLOSED, Question, answered, question
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

    __slots__ = (
        "_driver",
        "_lock",
        "_loop",
        "_number",
        "_refused",
        "_run",
        "_sending",
        "_thread",
        "_timer",
        "tellings",
    )

    def __init__(self, driver: AsyncDriver, run: Run, refused: Callable[[Run, str], None]) -> None:
        self.tellings = Tellings()
        self._driver = driver
        self._run = run
        self._refused = refused
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._number = 0
        self._sending: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def stopping(self) -> Stopped | None:
        """Why the job is to stop."""
        return self._run.stopping

    def __enter__(self) -> Tellings:
        """Begin to tell something; jobs may do so from threads of their own, too."""
        self._lock.acquire()
        return self.tellings

    def __exit__(self, *_: object) -> None:
        """Have it sent, when it is due."""
        self._lock.release()
        self._run.said_at = time.monotonic()
        if threading.get_ident() == self._thread:
            self._look()
        else:
            self._loop.call_soon_threadsafe(self._look)

    async def ask(
        self,
        kind: str,
        body: Any,
        timeout: Duration | None,  # noqa: ASYNC109 - of the question
        default: Any,
    ) -> Any:
        """Ask the sinks of the session; JobFailed if they answer with errors."""
        event, wait_ms = question(kind, body), optional_milliseconds(timeout, "timeout")
        return answered(self._run.id, await self.ask_with(event, wait_ms), default)

    async def ask_with(self, event: Question, wait_ms: int | None) -> bytes | None:
        """Ask a question; return the answer, or None if there is none in time."""
        with self as tellings:
            tellings.event("ask", event.body, {f"?{event.id}": ""})
        answer = await self._driver.run(await_answer(self._run.key, event.id, wait_ms))
        if answer is None:
            with self as tellings:
                tellings.write({f"?{event.id}": CLOSED})
        return answer

    async def read(self, name: str) -> bytes:
        """Read a file of the job."""
        content = await self._driver.run(files.read_file(self._run.key, "", name))
        if content is None:
            raise JobNotFound(self._run.id)
        return content

    async def attach(self, name: str, data: bytes) -> None:
        """Give the job a file; it is the job's with the next report."""
        field, value = await self._driver.run(files.stage(self._run.key, name, data))
        with self as tellings:
            tellings.write({field: value})

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
        return self._next()

    def close(self) -> None:
        """Send nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._sending is not None:
            self._sending.cancel()

    def _next(self) -> Report:
        self._number += 1
        with self._lock:
            return Report(self._number, *self.tellings.take())

    def _look(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.tellings.due
        if due is None or self._sending is not None or self._run.settled:
            return
        if due <= time.monotonic():
            self._sending = self._loop.create_task(self._send())
        else:
            self._timer = self._loop.call_later(due - time.monotonic(), self._look)

    async def _send(self) -> None:
        try:
            await self._deliver(self._next())
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
