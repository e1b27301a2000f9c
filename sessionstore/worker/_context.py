"""What the code of a job sees of it."""

from __future__ import annotations

from typing import Any

from sessionstore.jobs.stopped import Stopped
from sessionstore.worker._failures import encoded
from sessionstore.worker._run import Run

__all__ = ["AsyncJobContext"]


class AsyncJobContext:
    """A running job, for an `async` function in the event loop of the worker."""

    __slots__ = ("_run",)

    def __init__(self, run: Run) -> None:
        self._run = run

    def __repr__(self) -> str:
        return f"<AsyncJobContext {self.name}>"

    @property
    def id(self) -> str:
        """The id of the job."""
        return self._run.id

    @property
    def session(self) -> str:
        """The id of its session, as it was when the job was started."""
        return self._run.started.sid

    @property
    def name(self) -> str:
        """Its name, `Engine.Job`."""
        return self._run.started.job.text("n")

    @property
    def attempt(self) -> int:
        """Which try this is, from 1; those that were lost with their workers do not count."""
        return self._run.tries

    @property
    def fence(self) -> int:
        """The number of this start, higher than that of any before: for other systems to compare."""
        return int(self._run.token.partition(" ")[0])

    @property
    def stopping(self) -> Stopped | None:
        """Why the job is to stop; None if it is not."""
        return self._run.stopping

    def check(self) -> None:
        """Raise Stopped if the job is to stop."""
        if self._run.stopping is not None:
            raise self._run.stopping

    def progress(self, fraction: float, text: str = "") -> None:
        """Tell how far the job is, from 0 to 1, and at what; of many in short time the last counts."""
        self._run.reporter.tellings.progress(fraction, text)
        self._run.reporter.told()

    def status(self, value: Any) -> None:
        """Tell a value of up to 64 KB; it is not lost, and the last one is kept with the job."""
        body = encoded(value, "status")
        self._run.reporter.tellings.event("status", body, j=body)
        self._run.reporter.told()

    def log(self, text: str) -> None:
        """Tell a line of the job's log; more than 16 KB within 100 ms are counted, and not told."""
        self._run.reporter.tellings.log(text)
        self._run.reporter.told()
