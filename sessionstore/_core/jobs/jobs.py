"""Operations on one job: each function says what to send and how to read the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from sessionstore._core.jobs.keys import Group, JobKey
from sessionstore._core.jobs.records import (
    Away,
    Job,
    Later,
    Row,
    Started,
    Submitted,
    Waiting,
    job_of,
    refuse,
)
from sessionstore._core.keys import Bucket, Home
from sessionstore._core.operation import Arguments, Operation
from sessionstore._core.records import refuse as refuse_session
from sessionstore._core.scripts import load
from sessionstore._core.sessions import Scope
from sessionstore.errors import JobRefused

__all__ = [
    "Elsewhere",
    "Fields",
    "Given",
    "Outcome",
    "Report",
    "Swept",
    "adopt",
    "answer",
    "beat",
    "cancel",
    "finish",
    "look",
    "page_of_jobs",
    "read",
    "report",
    "retry",
    "start",
    "submit",
    "submit_away",
    "sweep",
    "wait_for",
]

SUBMIT, SUBMIT_AWAY, START, REPORT, FINISH, BEAT = map(
    load, ("submit", "submit_away", "start", "report", "finish", "beat")
)
CANCEL, SWEEP_JOBS, READ_ONE_JOB, AWAIT_JOB, ANSWER_JOB = map(
    load, ("cancel", "sweep_jobs", "read_one_job", "await_job", "answer_job")
)
LIST_JOBS, LIST_ENDED, RETRY_JOB, ADOPT_JOB = map(
    load, ("list_jobs", "list_ended", "retry_job", "adopt_job")
)
PAGE = 100

Fields = Mapping[str, str | bytes | int]
"""Fields of a job's hash; what they mean is told in layout.py."""

JOB_ID = 25
"""Characters of the id of a job."""


class Given(NamedTuple):
    """What jobs are submitted with: the parameters of each, encoded, and the fields of all."""

    parameters: Sequence[bytes]
    fields: Fields


class Elsewhere(NamedTuple):
    """The jobs of a session are in the bucket where it was when it had its first."""

    group: str


class Report(NamedTuple):
    """What a running job tells: fields of its hash, and events as pairs of type and body."""

    number: int
    fields: Mapping[str, str | bytes | int] = {}
    events: Sequence[tuple[str, bytes]] = ()

    def arguments(self) -> tuple[str | bytes | int, ...]:
        events: list[str | bytes] = []
        for event in self.events:
            events += event
        return (self.number, len(self.fields), *chain.from_iterable(self.fields.items()), *events)


class Outcome(NamedTuple):
    """What became of a start: done, failed, cancelled; again or back put it in line again."""

    state: str
    body: bytes = b""
    why: str = ""
    delay_ms: int = 0


class Swept(NamedTuple):
    """What a look at the jobs of a bucket found, besides what it has done."""

    more: bool
    waiting: list[Waiting]
    away: list[Away]


def submit(
    home: Home, scope: Scope, group: Group, new: Sequence[JobKey], given: Given
) -> Operation[Submitted | Elsewhere]:
    """Submit jobs for a session that is here, at most 100; without any, ask for the group only."""

    def parse(reply: Sequence[Any]) -> Submitted | Elsewhere:
        if reply[0] == b"ELSEWHERE":
            return Elsewhere(reply[1].decode())
        return _submitted(home.id, reply)

    keys = (home.session, home.bucket.parameters)
    return Operation(SUBMIT, keys, (*scope, group.id, *_given(new, given)), parse)


def submit_away(
    home: Home, owner: str, group: Group, new: Sequence[JobKey], given: Given
) -> Operation[Submitted]:
    """Submit jobs in the bucket of their group, for a session that was seen alive in another."""
    arguments = (home.sid, owner, *_given(new, given))
    keys = (group.facts, group.bucket.parameters)
    return Operation(SUBMIT_AWAY, keys, arguments, lambda reply: _submitted(home.id, reply))


def _given(new: Sequence[JobKey], given: Given) -> Iterator[str | bytes | int]:
    yield "".join(job.id for job in new)
    if new:
        yield from given.parameters
        yield from chain.from_iterable(given.fields.items())


def _submitted(id: str, reply: Sequence[Any]) -> Submitted:
    if reply[0] in (b"SUBMITTED", b"DUPLICATE"):
        ids, group, owner = map(bytes.decode, reply[1:])
        found = [ids[at : at + JOB_ID] for at in range(0, len(ids), JOB_ID)]
        return Submitted(found, group, owner, reply[0] == b"SUBMITTED")
    if reply[0] == b"LIMIT":
        refuse(id, reply)
    refuse_session(id, reply)


def start(
    job: JobKey, worker: str, ticket: str, lease_ms: int, *, alive: bool = False
) -> Operation[Started | Later | Away | None]:
    """Start a job, if it is still to be done; None if it is not."""

    def parse(reply: Sequence[Any]) -> Started | Later | Away | None:
        match reply:
            case b"ABSENT" | b"OVER":
                return None
            case [b"STARTED", bytes(token), bytes(sid), found]:
                return Started(job_of(job.id, found), token.decode(), sid.decode())
            case [b"RUNNING" | b"LATER" as how, int(milliseconds)]:
                return Later(how == b"RUNNING", milliseconds)
            case [b"AWAY", bytes(sid), bytes(group)]:
                return Away(sid.decode(), group.decode())
        refuse(job.id, reply)

    keys = (job.job, job.bucket.parameters)
    return Operation(START, keys, (worker, ticket, lease_ms, int(alive)), parse)


def _told(reply: Sequence[Any]) -> str:
    if reply in (b"TOLD", b"FINISHED"):
        return ""
    return "lost" if reply == b"LOST" else f"{reply[1].decode()} {reply[2].decode()}"


def report(job: JobKey, token: str, said: Report) -> Operation[str]:
    """Tell what a running job has to say; the answer is empty, or what became of the job."""
    keys = (job.job, job.bucket.parameters)
    return Operation(REPORT, keys, (token, *said.arguments()), _told)


def finish(job: JobKey, token: str, outcome: Outcome, said: Report) -> Operation[str]:
    """End a start of a job; the answer is empty, or what became of the job."""
    keys = (job.job, job.bucket.parameters)
    given: Arguments = (
        token, outcome.state, outcome.body, outcome.why, outcome.delay_ms, *said.arguments()
    )  # fmt: skip
    return Operation(FINISH, keys, given, _told)


def beat(
    bucket: Bucket, lease_ms: int, running: Sequence[tuple[JobKey, str]]
) -> Operation[list[str]]:
    """Renew the leases of jobs of one bucket; the answers are told in the script."""
    keys = (bucket.parameters, *(job.job for job, _ in running))
    given: Arguments = (lease_ms, *(token for _, token in running))
    return Operation(BEAT, keys, given, lambda reply: [one.decode() for one in reply])


def cancel(job: JobKey, user: str, why: str, grace_ms: int | None) -> Operation[str]:
    """Cancel a job; the answer is its state after that."""

    def parse(reply: Sequence[Any]) -> str:
        if reply[0] != b"CANCELLED":
            refuse(job.id, reply)
        return str(reply[1].decode())

    given = (user, why, "" if grace_ms is None else grace_ms)
    return Operation(CANCEL, (job.job, job.bucket.parameters), given, parse)


def sweep(bucket: Bucket) -> Operation[Swept]:
    """Look at a page of what is due among the jobs of a bucket."""

    def parse(reply: Sequence[Any]) -> Swept:
        more, waiting, away = reply
        entries = [
            Waiting(
                job.decode(), queue.decode(), owner.decode(), int(head), int(delay), int(front) == 1
            )
            for job, queue, owner, head, delay, front in _by(6, waiting)
        ]
        groups = [Away(sid.decode(), group.decode()) for group, sid in _by(2, away)]
        return Swept(more == 1, entries, groups)

    keys = (f"{bucket.tag}jx", bucket.parameters)
    return Operation(SWEEP_JOBS, keys, (PAGE,), parse)


def _by(many: int, flat: Sequence[Any]) -> list[Sequence[Any]]:
    return [flat[at : at + many] for at in range(0, len(flat), many)]


def read(job: JobKey, user: str) -> Operation[Job]:
    """Read a job."""

    def parse(reply: Sequence[Any]) -> Job:
        if reply == b"ABSENT":
            refuse(job.id, reply)
        return job_of(job.id, reply[2], reply[1])

    return Operation(READ_ONE_JOB, (job.job, job.bucket.parameters), (user,), parse)


def look(job: JobKey, user: str) -> Operation[Row]:
    """Read a job, and whose it is now."""

    def parse(reply: Sequence[Any]) -> Row:
        if reply == b"ABSENT":
            refuse(job.id, reply)
        _, now, fields, sid, owner = reply
        return Row(job_of(job.id, fields, now), sid.decode(), owner.decode())

    return Operation(READ_ONE_JOB, (job.job, job.bucket.parameters), (user,), parse)


def wait_for(job: JobKey, user: str, ticket: str) -> Operation[Job | int]:
    """Read a job that is over; of one that is not, have its end wake this ticket.

    Then the answer is the time.
    """

    def parse(reply: Sequence[Any]) -> Job | int:
        if reply[0] == b"LIVE":
            return int(reply[1])
        if reply == b"ABSENT":
            refuse(job.id, reply)
        return job_of(job.id, reply[2], reply[1])

    keys = (job.job, f"{job.bucket.tag}jw:{job.id}", job.bucket.parameters)
    return Operation(AWAIT_JOB, keys, (user, ticket), parse)


def answer(job: JobKey, user: str, question: str, body: bytes) -> Operation[bool]:
    """Answer a question of a running job; False if that is too late."""

    def parse(reply: Sequence[Any]) -> bool:
        if reply == b"ABSENT":
            refuse(job.id, reply)
        return reply == b"ANSWERED"

    keys = (job.job, job.wake(question), job.bucket.parameters)
    return Operation(ANSWER_JOB, keys, (user, question, body), parse)


def page_of_jobs(
    bucket: Bucket, index: str, user: str, cursor: bytes
) -> Operation[tuple[bytes, list[Row]]]:
    """Read a page of the jobs that an index of a bucket names, such as `jx` or `js:GROUP`."""

    def parse(reply: Sequence[Any]) -> tuple[bytes, list[Row]]:
        rows = [
            Row(job_of(job.decode(), found), sid.decode(), owner.decode())
            for job, sid, owner, *found in reply[1:]
        ]
        return reply[0], rows

    keys = (f"{bucket.tag}{index}", bucket.parameters)
    if index.startswith("jf"):
        return Operation(LIST_ENDED, keys, (user,), parse)
    return Operation(LIST_JOBS, keys, (user, cursor), parse)


def retry(job: JobKey, user: str, *, alive: bool = False) -> Operation[Waiting | Away | str]:
    """Put a job that is over in line again; the answer is a state from which that cannot be."""

    def parse(reply: Sequence[Any]) -> Waiting | Away | str:
        match reply:
            case [b"QUEUED", bytes(queue), bytes(owner), bytes(head), int(delay)]:
                return Waiting(job.id, queue.decode(), owner.decode(), int(head), delay, False)
            case [b"AWAY", bytes(sid), bytes(group)]:
                return Away(sid.decode(), group.decode())
            case [b"STATE", bytes(state)]:
                return state.decode()
            case [b"KEY", *_]:
                raise JobRefused("state", why="another job, which lives, has its key")
        refuse(job.id, reply)

    return Operation(RETRY_JOB, (job.job, job.bucket.parameters), (user, int(alive)), parse)


def adopt(job: JobKey, group: Group, user: str) -> Operation[str]:
    """Give an orphan to the group of another session; the answer is a state if it is none."""

    def parse(reply: Sequence[Any]) -> str:
        if reply == b"ADOPTED":
            return ""
        if reply[0] != b"STATE":
            refuse(job.id, reply)
        return str(reply[1].decode())

    keys = (job.job, group.facts, job.bucket.parameters)
    return Operation(ADOPT_JOB, keys, (user,), parse)
