"""The side process that renews leases: what this process tells it, and hears from it.

It runs no code of jobs, so nothing that a job does, be it to block the event loop or to hold the
lock of the interpreter, keeps it from renewing. It ends with this process, and stops renewing
should this one show no sign of life for too long. For the same reason it is who notices that the
process is gone to which this one belongs.
"""

from __future__ import annotations

import asyncio
import logging
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Callable
from typing import Any

from sessionstore.worker._processes import Spawned, start_module
from sessionstore.worker._profile import Profile
from sessionstore.worker._run import Run

__all__ = ["Beating"]

log = logging.getLogger("sessionstore.worker")

Heard = Callable[[str, str, str, float], None]
Config = dict[str, Any]

ORPHANED = ["orphaned"]
"""What the side process says when the other end of the lifeline is closed."""

RESTART = 0.5
"""Seconds between two starts of a side process that ends by itself."""


class Beating:
    """Has the leases of running jobs renewed."""

    def __init__(
        self,
        config: Config,
        profile: Profile,
        heard: Heard,
        *,
        lifeline: int | None,
        orphaned: Callable[[], object],
    ) -> None:
        self.profile = profile
        self.answered = time.monotonic()
        """When a beat was last answered."""
        self.ready = asyncio.Event()
        """Whether there was a side process that could renew."""
        self._config = config
        self._heard = heard
        self._lifeline = lifeline
        self._orphaned = orphaned
        self._runs: dict[str, str] = {}
        self._news: list[Any] = []
        self._side: Spawned | None = None

    async def run(self) -> None:
        """Keep a side process running, for ever."""
        while True:
            begun = time.monotonic()
            stdin = DEVNULL if self._lifeline is None else self._lifeline
            side = await start_module("sessionstore.worker._beats", stdin=stdin)
            try:
                await self._attend(side)
            finally:
                self._side = None
                await side.end()
            log.error("the process that renews leases has gone; another one is started")
            await asyncio.sleep(max(0.0, begun + RESTART - time.monotonic()))

    @property
    def pid(self) -> int | None:
        """The side process, if there is one."""
        return self._side.process.pid if self._side else None

    def add(self, run: Run) -> None:
        """Have the lease of a job renewed from now on."""
        self._runs[run.id] = run.token
        self._tell([run.id, run.token])

    def remove(self, run: Run) -> None:
        """Let it be from now on."""
        if self._runs.get(run.id) == run.token:
            del self._runs[run.id]
            self._tell([run.id])

    def show_life(self) -> None:
        """Show that this process does not hang."""
        self._tell([])

    def _tell(self, news: list[str]) -> None:
        if not self._news:
            asyncio.get_running_loop().call_soon(self._flush)
        self._news.append(news)

    def _flush(self) -> None:
        news, self._news = self._news, []
        if self._side is not None:
            self._side.say(news)

    async def _attend(self, side: Spawned) -> None:
        side.say({**self._config, "lifeline": self._lifeline is not None})
        side.say([[id, token] for id, token in self._runs.items()])
        self._side = side
        while (said := await side.hear()) is not None:
            self.answered = time.monotonic()
            if said == ORPHANED:
                self._orphaned()
            elif said:
                self._heard(*said)
            else:
                self.ready.set()
