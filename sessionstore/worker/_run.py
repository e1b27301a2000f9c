"""One start of a job, from its claim to what became of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from sessionstore._core.jobs.keys import JobKey
from sessionstore._core.jobs.records import Entry, Started
from sessionstore.jobs.engine import JobDefinition
from sessionstore.jobs.stopped import Stopped

__all__ = ["Run"]


class Run:
    """What a worker knows of a job that it has started."""

    __slots__ = (
        "deadline",
        "definition",
        "entry",
        "interrupt",
        "key",
        "line",
        "over",
        "reporter",
        "said_at",
        "settled",
        "started",
        "stopping",
        "timers",
    )

    def __init__(self, key: JobKey, entry: Entry, started: Started, line: Any, end: float) -> None:
        self.key = key
        self.entry = entry
        self.started = started
        self.line = line
        """The queue that it was taken from."""
        self.deadline = end
        """Until then, by the clock of this process, nobody else can have the job."""
        self.definition: JobDefinition | None = None
        self.stopping: Stopped | None = None
        self.settled = False
        """Whether it was decided what became of this start; nothing can change it any more."""
        self.over = False
        """Whether the code of the job has ended, and its slot is free."""
        self.interrupt: Callable[[], object] = lambda: None
        """Makes the code of the job stop."""
        self.reporter: Any = None
        self.timers: list[asyncio.TimerHandle] = []
        self.said_at = time.monotonic()

    @property
    def id(self) -> str:
        return self.key.id

    @property
    def token(self) -> str:
        return self.started.token

    @property
    def tries(self) -> int:
        """Which try this is; those that were lost with their workers do not count."""
        job = self.started.job
        return (job.number("a") or 1) - (job.number("x") or 0)

    @property
    def grace(self) -> float:
        """Seconds that it has to stop."""
        found = self.started.job.number("h")
        if found is None and self.definition is not None:
            found = int(self.definition.fields.get("h", 5000))
        return 5.0 if found is None else found / 1000
