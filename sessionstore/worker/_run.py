"""One start of a job, from its claim to what became of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from sessionstore._core.jobs.jobs import Outcome
from sessionstore._core.jobs.keys import JobKey
from sessionstore._core.jobs.records import Entry, Started
from sessionstore.jobs.engine import JobDefinition
from sessionstore.jobs.stopped import Stopped
from sessionstore.worker._context import Facts

__all__ = ["Run"]

FILE = ord("*")
"""Begins the name of a field that names a file."""


class Run:
    """What a worker knows of a job that it has started."""

    __slots__ = (
        "code",
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
        "signal",
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
        self.code: asyncio.Task[Outcome | None] | None = None
        """Runs the code of the job, and returns what comes of it."""
        self.interrupt: Callable[[], object] = lambda: None
        """Makes the code of the job stop."""
        self.signal: Callable[[int], None] | None = None
        """Sends a signal to the process that runs the code of the job, if it has one of its own."""
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
    def facts(self) -> Facts:
        """What the code of the job is told of it."""
        job = self.started.job
        files = tuple(name[1:].decode() for name in job.fields if name[0] == FILE)
        fence = int(self.token.partition(" ")[0])
        return Facts(self.id, self.started.sid, job.text("n"), self.tries, fence, files)

    @property
    def grace(self) -> float:
        """Seconds that it has to stop."""
        found = self.started.job.number("h")
        if found is None and self.definition is not None:
            found = int(self.definition.fields.get("h", 5000))
        return 5.0 if found is None else found / 1000
