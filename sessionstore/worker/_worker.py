"""The worker: what starts and stops in which order."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Collection, Coroutine, Sequence
from typing import Any

from sessionstore._checks import whole_number
from sessionstore._core.jobs.keys import check_queue
from sessionstore._redis.aio import AsyncDriver
from sessionstore._shell.connecting import connected_async
from sessionstore._shell.context import Context
from sessionstore.errors import ConfigError, StoreUnavailable
from sessionstore.jobs.engine import known_definitions
from sessionstore.worker._beating import Beating
from sessionstore.worker._claiming import Claiming
from sessionstore.worker._declaring import declare_for_ever
from sessionstore.worker._profile import Profile
from sessionstore.worker._ringing import Ringing
from sessionstore.worker._running import GIVEN_BACK_WITHIN, Running
from sessionstore.worker._sweeping import sweep_for_ever

__all__ = ["Worker"]

log = logging.getLogger("sessionstore.worker")


class Worker:
    """Does jobs of the engines that this process has imported, until it is told to stop.

    Args:
        url: of the store, as for `SessionStore.connect`.
        prefix, buckets: of the store.
        queues: from which it takes jobs, in turn.
        slots: how many jobs it does at a time, from 1 to 500.
        profile: `default`, `interactive`, `batch`, or a Profile.
        lifeline: the descriptor of a pipe or socket, if it belongs to another process that has the
            other end. When that is closed, what runs is given back and the worker ends; if it does
            not, for a job holds it up, it is killed.

    Raises:
        ConfigError: an argument makes no sense.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "ss",
        buckets: int = 256,
        queues: Sequence[str] = ("default",),
        slots: int = 10,
        profile: Profile | str = "default",
        lifeline: int | None = None,
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._url = url
        self._prefix = prefix
        self._buckets = buckets
        self._queues = _queues(queues)
        self._slots = whole_number(slots, "slots", least=1, most=500)
        self._profile = Profile.of(profile)
        self._lifeline = None if lifeline is None else whole_number(lifeline, "lifeline", least=0)
        self._drain = asyncio.Event()
        self._leave = asyncio.Event()
        self._answered = time.monotonic()
        self._claiming: Claiming | None = None
        self._beating: Beating | None = None
        self._running: Running | None = None

    @property
    def health(self) -> float:
        """Seconds since the store last answered a claim, or a beat while all slots are taken."""
        times = [self._answered]
        times += [part.answered for part in (self._claiming, self._beating) if part is not None]
        return time.monotonic() - max(times)

    @property
    def side(self) -> int | None:
        """The process that renews leases, once it does."""
        beating = self._beating
        return beating.pid if beating is not None and beating.ready.is_set() else None

    @property
    def left_behind(self) -> int:
        """How many jobs went on when this worker ended, for they did not stop when told to."""
        return 0 if self._running is None else len(self._running.runs)

    def stop(self) -> None:
        """Take nothing more and end when all is done; the second time, give back what runs."""
        (self._leave if self._drain.is_set() else self._drain).set()

    def _orphaned(self) -> None:
        log.warning("worker %s ends, for the process is gone that it belongs to", self.name)
        self.stop()
        self.stop()

    async def run(self) -> None:
        """Work until it is told to stop.

        If it is cancelled, what runs is given back, as when it is told to stop twice.

        Raises:
            StoreUnavailable: the store did not answer for longer than this worker waits.
        """
        cancelled = _cancelled()
        context = await connected_async(
            self._url,
            self._prefix,
            self._buckets,
            safe=False,
            undecodable="error",
            create=True,
        )
        try:
            if _cancelled() > cancelled:  # which redis-py, while it connects, now and then loses
                raise asyncio.CancelledError
            await self._work(context)
        finally:
            await _finished(context.driver.close())

    async def _work(self, context: Context[AsyncDriver]) -> None:
        driver, keys, profile = context.driver, context.keys, self._profile
        config = {
            "url": self._url,
            "prefix": self._prefix,
            "buckets": self._buckets,
            "lease_ms": profile.lease_ms,
            "beat": profile.beat,
            "patience": profile.patience,
        }
        running = self._running = Running(driver, keys)
        running.beating = self._beating = Beating(
            config,
            profile,
            running.heard,
            lifeline=self._lifeline,
            orphaned=self._orphaned,
        )
        ringing = Ringing(driver, keys, running, profile.lease_ms)
        tasks: list[asyncio.Future[None]] = [
            asyncio.ensure_future(work)
            for work in (
                running.beating.run(),
                sweep_for_ever(context, profile),
                declare_for_ever(context),
                self._watch(running),
            )
        ]
        try:
            await self._until(running.beating.ready.wait(), tasks)
            running.claiming = self._claiming = Claiming(
                driver,
                keys,
                self._queues,
                slots=self._slots,
                worker=self.name,
                profile=profile,
                begin=running.begin,
                settled=running.written_down,
            )
            tasks.append(self._claiming.failure)
            running.children.expect(job for job in known_definitions() if not job.is_async)
            log.info("worker %s takes jobs from %s", self.name, ", ".join(self._queues))
            await self._until(self._drain.wait(), tasks)
            log.info("worker %s takes no more jobs; %d run", self.name, len(running.runs))
            await self._claiming.drain()
            await self._until(self._emptied(running), tasks)
            await self._claiming.close()
            log.info("worker %s ends", self.name)
        finally:
            running.give_back()
            await _finished(self._end(running, ringing, tasks))

    async def _end(
        self, running: Running, ringing: Ringing, tasks: list[asyncio.Future[None]]
    ) -> None:
        """End, for whatever reason: all that runs, then what served it, and processes last."""
        try:
            if running.runs and self._claiming is not None:
                async with asyncio.timeout(GIVEN_BACK_WITHIN + 1):
                    await self._claiming.drain()
                    await running.empty.wait()
                    await self._claiming.close()
        except TimeoutError:
            log.warning("worker %s could not give back %d jobs", self.name, len(running.runs))
        finally:
            ringing.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._claiming is not None:
                await self._claiming.break_off()
            await running.close()

    async def _emptied(self, running: Running) -> None:
        """Wait until all jobs have ended; when it is to leave at once, give back what has not."""
        waits = [asyncio.ensure_future(one.wait()) for one in (running.empty, self._leave)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not running.empty.is_set():
                running.give_back()
                await asyncio.wait(waits[:1], timeout=GIVEN_BACK_WITHIN + 1)
        finally:
            for one in waits:
                one.cancel()

    async def _until(self, waiting: object, tasks: list[asyncio.Future[None]]) -> None:
        wait = asyncio.ensure_future(waiting)  # type: ignore[call-overload]
        try:
            done, _ = await asyncio.wait([wait, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            wait.cancel()
        for task in done - {wait}:
            task.result()

    async def _watch(self, running: Running) -> None:
        every = min(1.0, self._profile.lease / 20)
        while True:
            await asyncio.sleep(every)
            running.watch()
            if running.runs:
                running.beating.show_life()
            if self.health > self._profile.gives_up_after:
                raise StoreUnavailable(f"the store has not answered for {self.health:.0f} s")


def _queues(names: object) -> tuple[str, ...]:
    if isinstance(names, (str, bytes)) or not isinstance(names, Collection) or not names:
        raise ConfigError("queues must be names of queues, at least one")
    return tuple(dict.fromkeys(map(check_queue, names)))


def _cancelled() -> int:
    """Return how often the task of the caller was cancelled."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


async def _finished(work: Coroutine[Any, Any, None]) -> None:
    """Wait until something is done, however often this is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()
