"""What is read of jobs and queues, as values for people and programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessionstore._core.jobs.queues import QueueState
from sessionstore._core.jobs.records import Job, Row
from sessionstore._core.records import instant
from sessionstore._shell.attributes import Told
from sessionstore.data import decode
from sessionstore.errors import JobCancelled, JobFailed, JobLost

__all__ = ["JobInfo", "QueueInfo", "outcome_of"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class JobInfo(Told):
    """What is known of a job. Times are by the clock of Redis, in UTC."""

    id: str
    name: str
    """`Engine.Job`."""

    state: str
    """`queued`, `running`, `done`, `failed`, `cancelled` or `lost`."""

    queue: str
    sid: str
    """The session that it belongs to, as that is called now."""

    owner: str
    """Of that session: a user id, `*` for public, empty for anonymous."""

    created: datetime
    due: datetime
    """When it may be started at the earliest."""

    begun: datetime | None
    """When it was last started."""

    finished: datetime | None
    worker: str | None
    """Where it runs, or ran last."""

    attempts: int
    """How often it was started."""

    lost: int
    """How often a worker was lost with it."""

    lease_until: datetime | None
    """Until when its worker has it, unless that renews."""

    why: str
    """Why it failed, was cancelled or lost; of one that runs, why it is to stop."""

    stopping: bool
    """Whether it runs and is to stop."""

    orphan: bool
    """Whether it outlived its session, and may be adopted."""

    files: Mapping[str, int]
    """The files that it was given, and that it has attached: how many bytes each has. A listing
    leaves them out."""

    @classmethod
    def of(cls, row: Row) -> JobInfo:
        """Return what a script told of a job."""
        job = row.job
        cancel = job.text("u")
        return cls(
            id=job.id,
            name=job.text("n"),
            state=job.state,
            queue=job.text("q"),
            sid=row.sid,
            owner=row.owner,
            created=instant(job.number("c") or 0),
            due=instant(job.number("d") or 0),
            begun=_moment(job, "b"),
            finished=_moment(job, "f"),
            worker=job.text("w") or None,
            attempts=job.number("a") or 0,
            lost=job.number("x") or 0,
            lease_until=_moment(job, "l") if job.state == "running" else None,
            why=cancel[13:] or job.text("Z"),
            stopping=bool(cancel),
            orphan=job.text("O") == "1",
            files=_files(job),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueInfo:
    """The limits of a queue, None for none, and how much is in it."""

    name: str
    max_waiting: int | None
    """How many jobs of one owner may wait in it, with all that are for later."""

    max_running: int | None
    max_running_per_owner: int | None
    rate: float | None
    """How many may be started in a second."""

    paused: bool
    """Whether nothing is started from it."""

    owners: int
    """How many owners have jobs that wait for their turn."""

    waiting: int
    """How many jobs the first 500 of these have."""

    later: int
    """How many jobs are for later."""

    taken: int
    """How many workers have taken."""

    @classmethod
    def of(cls, name: str, state: QueueState) -> QueueInfo:
        """Return what a script told of a queue."""

        def limit(named: str) -> int | None:
            return int(state.limits[named]) if named in state.limits else None

        return cls(
            name=name,
            max_waiting=limit("max_waiting"),
            max_running=limit("max_running"),
            max_running_per_owner=limit("max_running_per_owner"),
            rate=float(state.limits["rate"]) if "rate" in state.limits else None,
            paused="paused" in state.limits,
            owners=state.owners,
            waiting=state.waiting,
            later=state.later,
            taken=state.taken,
        )


def _files(job: Job) -> dict[str, int]:
    return {
        field[1:].decode(): int(value.split()[1])
        for field, value in sorted(job.fields.items())
        if field.startswith(b"*")
    }


def _moment(job: Job, field: str) -> datetime | None:
    found = job.number(field)
    return None if found is None else instant(found)


def outcome_of(job: Job) -> Any:
    """Return what a job that is over has returned, or raise what became of it."""
    body, why = job.fields.get(b"z", b""), job.text("Z")
    match job.state:
        case "done":
            return decode(body, "the result") if body else None
        case "failed":
            errors = tuple(decode(body, "the errors")) if body else ()
            raise JobFailed(job.id, errors=errors, why=why)
        case "cancelled":
            raise JobCancelled(job.id, reason=why)
    raise JobLost(job.id)
