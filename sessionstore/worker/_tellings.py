"""What a job tells, gathered until it is time to send it: the part that neither waits nor sends.

Of progress the last value within 50 ms counts; lines of a log go together every 100 ms. All else
goes at once, and takes with it, in order, what was told before.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

from sessionstore.worker._failures import encoded

__all__ = ["Part", "Tellings"]

PROGRESS_EVERY = 0.05
LOG_EVERY = 0.1
LOG_BYTES = 16 * 1024


Fields = dict[str, bytes | str | int]


class Part(NamedTuple):
    """Fields of the job's hash, and events."""

    fields: Fields
    events: list[tuple[str, bytes]]


class Tellings:
    """What one start of a job has told and is not sent yet."""

    def __init__(self) -> None:
        self._fields: Fields = {}
        self._events: list[tuple[str, bytes]] = []
        self._progress: bytes | None = None
        self._lines: list[str] = []
        self._bytes = 0
        self._dropped = 0
        self._progress_due = 0.0
        self._log_due = 0.0

    def progress(self, fraction: float, text: str = "") -> None:
        """Tell how far the job is."""
        self._progress = encoded({"fraction": fraction, "text": text}, "progress")

    def log(self, text: str) -> None:
        """Add a line to the log; more than 16 KB within 100 ms are counted, and not told."""
        if not self._lines and not self._dropped:
            self._log_due = time.monotonic() + LOG_EVERY
        size = len(text.encode("utf-8", "surrogatepass"))
        if self._bytes + size > LOG_BYTES:
            self._dropped += 1
        else:
            self._bytes += size
            self._lines.append(text)

    def event(self, kind: str, body: bytes, fields: Fields) -> None:
        """Tell something that is not to wait, and write fields of the job with it."""
        self.add(fields, [(kind, body)])

    def write(self, fields: Fields) -> None:
        """Write fields of the job, and tell nothing."""
        self._fields |= fields

    def add(self, fields: Fields, events: Iterable[tuple[str, bytes]]) -> None:
        """Tell what another process has gathered."""
        self._gather()
        self._fields |= fields
        self._events += events

    @property
    def due(self) -> float | None:
        """When something is to be sent, by the monotonic clock; None if there is nothing."""
        if self._events or self._fields:
            return 0.0
        times = []
        if self._progress is not None:
            times.append(self._progress_due)
        if self._lines or self._dropped:
            times.append(self._log_due)
        return min(times, default=None)

    def take(self) -> Part:
        """Return all that is to be sent by now, and forget it."""
        self._gather()
        part = Part(self._fields, self._events)
        self._fields, self._events = {}, []
        return part

    def _gather(self) -> None:
        if self._progress is not None:
            self._events.append(("progress", self._progress))
            self._fields["i"] = self._progress
            self._progress = None
            self._progress_due = time.monotonic() + PROGRESS_EVERY
        if self._lines or self._dropped:
            if self._dropped:
                self._lines.append(f"({self._dropped} lines more were not kept)")
            text = "\n".join(self._lines).encode("utf-8", "replace").decode()
            self._events.append(("log", encoded(text, "log")))
            self._lines, self._bytes, self._dropped = [], 0, 0
