"""What is told of jobs, as its readers see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessionstore._core.jobs.groups import JobEvent
from sessionstore._core.records import instant
from sessionstore._ids import shown
from sessionstore.data import decode

__all__ = ["TYPES", "Event"]

TYPES = (
    *("queued", "running", "progress", "status", "log", "ask"),
    *("result", "failed", "cancelled", "lost", "session-ended", "gap"),
)
"""All types of events that the store and its sinks make themselves."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Event:
    """Something that a job tells, or that the store tells of it."""

    id: str
    """The same however often it is delivered; later ones are greater as (ms, number)."""

    sequence: int
    """Without gaps, for all jobs of a session."""

    job: str
    """The id of the job; empty if it is about the session."""

    type: str
    body: Any
    at: datetime
    """When, by the clock of Redis, in UTC."""

    @classmethod
    def of(cls, told: JobEvent) -> Event:
        """Return an event of a stream; UndecodableValue."""
        return cls(
            id=told.id,
            sequence=told.sequence,
            job=told.job,
            type=told.type,
            body=body_of(told),
            at=instant(int(told.id.partition("-")[0])),
        )

    def __repr__(self) -> str:
        return f"<Event {self.sequence} of job {shown(self.job)}: {self.type}>"


def body_of(told: JobEvent) -> Any:
    """Return the body of an event as handlers get it."""
    match told.type:
        case "queued" | "running":
            return {"why": told.why} if told.why else {}
        case "failed":
            return {"errors": decode(told.body, "errors") if told.body else [], "why": told.why}
        case "cancelled" | "session-ended":
            return {"reason": told.why}
        case "lost":
            return {"why": told.why}
    return decode(told.body, told.type) if told.body else None
