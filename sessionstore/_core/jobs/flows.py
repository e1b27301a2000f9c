"""What takes more than one round trip: each half of a flow heals if the other does not follow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from sessionstore._core import moves, sessions
from sessionstore._core.jobs import files, groups, jobs, queues
from sessionstore._core.jobs.away import has_ended
from sessionstore._core.jobs.jobs import Elsewhere, Fields, Outcome, Report
from sessionstore._core.jobs.keys import (
    Group,
    JobKey,
    Queue,
    find_group,
    find_job,
    new_group,
    new_job,
    queue,
)
from sessionstore._core.jobs.records import Away, Entry, Job, Later, Started, Submitted, Waiting
from sessionstore._core.keys import Bucket, Home, Keyspace
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.operation import Flow, Operation, Wake, batch, each
from sessionstore._core.records import Moving, NotArrived
from sessionstore._core.sessions import Scope
from sessionstore.errors import (
    JobRefused,
    SessionEnded,
    SessionNotFound,
    SessionStoreError,
)

__all__ = [
    "Finished",
    "Order",
    "adopt",
    "attach",
    "result",
    "retry",
    "start",
    "submit",
    "sweep",
    "take",
]

T = TypeVar("T")

RECHECK = 1000
"""When who waits for the end of a job looks by itself at the latest, in ms."""


class Order(NamedTuple):
    """A job to be submitted."""

    queue: str
    fields: Fields
    head_start_ms: int = 0
    delay_ms: int = 0
    files: Mapping[str, bytes] = {}


class Finished(NamedTuple):
    """A start that is over, and what there is to tell of it."""

    entry: Entry
    token: str
    outcome: Outcome
    said: Report


def submit(
    keys: Keyspace, home: Home, scope: Scope, order: Order, known: Submitted | None = None
) -> Flow[Submitted]:
    """Submit a job for a session: first where its session is, then in the line for the workers.

    What breaks off in between leaves a job whose place in line the sweep sees to. `known` is what
    an earlier job of the session told; with that, both leave in one write.
    """
    if known is not None and not order.files:
        at_once = yield from _submit_at_once(keys, home, scope, order, known)
        if at_once is not None:
            return at_once
    fields, job = order.fields, None
    if order.files:
        job = new_job((yield from attach(keys, home, scope)).bucket)
        fields = {**fields, "F": 1, **(yield from files.stage_all(job, order.files))}
    submitted = yield from _join(keys, home, scope, fields, job=job)
    if not submitted.fresh:
        return submitted
    job = find_job(keys, submitted.job)
    try:
        full = yield from _enqueuing_one(keys, job, submitted.owner, order)
    except (SessionStoreError, GeneratorExit):
        raise
    except BaseException:  # cancelled: nobody learns of this job
        yield from jobs.cancel(job, "", "its caller has gone", 0)
        raise
    yield from _refuse_if_full(job, full)
    return submitted


def _submit_at_once(
    keys: Keyspace, home: Home, scope: Scope, order: Order, known: Submitted
) -> Flow[Submitted | None]:
    """Submit a job and put it in line; None if its group is in another bucket by now.

    A place in line for a job that is not there is dropped by whoever takes it.
    """
    job = new_job(home.bucket)
    submitting = jobs.submit(home, scope, new_group(home.bucket), job, order.fields)
    try:
        both: list[Operation[Any]] = [
            submitting,
            _enqueuing_one(keys, job, known.owner, order),
        ]
        submitted, full = yield from _mixed(both)
    except Moving:
        return None
    except (SessionStoreError, GeneratorExit):
        raise
    except BaseException:
        yield from jobs.cancel(job, "", "its caller has gone", 0)
        raise
    for answer in (submitted, full):
        if isinstance(answer, SessionStoreError):
            raise answer
    if not isinstance(submitted, Submitted):
        return None
    yield from _refuse_if_full(job, full)
    if submitted.fresh and submitted.owner != known.owner:
        yield from _enqueuing_one(keys, job, submitted.owner, order)
    return submitted


def _enqueuing_one(keys: Keyspace, job: JobKey, owner: str, order: Order) -> Operation[int | None]:
    waiting = Waiting(job.id, order.queue, owner, order.head_start_ms, order.delay_ms, False)
    return queues.enqueue(queue(keys, order.queue), [waiting], check=True)


def _refuse_if_full(job: JobKey, full: int | None) -> Flow[None]:
    if full is not None:
        yield from jobs.cancel(job, "", "its queue is full", 0)
        raise JobRefused("queue", value=full, retry_after=1.0)


def attach(keys: Keyspace, home: Home, scope: Scope) -> Flow[Group]:
    """Return the group of a session's jobs and events; it is made if there is none."""
    return find_group(keys, (yield from _join(keys, home, scope, None)).group)


def _join(
    keys: Keyspace,
    home: Home,
    scope: Scope,
    fields: Fields | None,
    place: Bucket | None = None,
    job: JobKey | None = None,
) -> Flow[Submitted]:
    """Add a job to the group of its session; without fields, only see to the group.

    A job that is given has files already, in the bucket of the group.
    """
    if job is not None and job.bucket is not home.bucket:
        here = None
    else:
        here = job or (None if fields is None else new_job(home.bucket))
    submitting = jobs.submit(home, scope, new_group(place or home.bucket), here, fields or {})
    try:
        answer = yield from moves.resolved(keys, home, submitting)
        if not isinstance(answer, Elsewhere):
            if job is not None and here is None:
                raise SessionEnded(home.id, reason="deleted")  # another one has its name now
            return answer
        found = yield from moves.resolved(keys, home, sessions.read(home, scope, ()))
    except NotArrived:
        raise SessionNotFound(home.id) from None
    group = find_group(keys, answer.group)
    if job is None and fields is not None:
        job = new_job(group.bucket)
    elif job is not None and job.bucket is not group.bucket:
        raise SessionEnded(home.id, reason="deleted")
    return (yield from jobs.submit_away(home, found.facts.owner, group, job, fields or {}))


def take(
    keys: Keyspace,
    place: Queue,
    *,
    most: int,
    lease_ms: int,
    done: Sequence[Finished] = (),
    dropped: Sequence[Entry] = (),
    later: Sequence[tuple[Entry, Later]] = (),
) -> Flow[tuple[list[str | SessionStoreError], queues.Claimed]]:
    """Finish starts and take the next jobs, in one write where one server has both.

    The answers are what `finish` says of each, and what was taken.
    """
    finishing = [
        jobs.finish(find_job(keys, one.entry.job), one.token, one.outcome, one.said) for one in done
    ]
    over = [one.entry for one in done if one.outcome.state not in ("again", "back")]
    back = [
        (one.entry, Later(False, one.outcome.delay_ms))
        for one in done
        if one.outcome.state in ("again", "back")
    ]
    claiming = queues.claim(
        place, new_ticket(), most, lease_ms, done=[*over, *dropped], later=[*back, *later]
    )
    *told, claimed = yield from _mixed([*finishing, claiming])
    if isinstance(claimed, SessionStoreError):
        raise claimed
    return told, claimed


def _mixed(operations: Sequence[Operation[Any]]) -> Flow[list[Any]]:
    return (yield from each(operations))


def start(
    keys: Keyspace, entries: Sequence[Entry], worker: str, lease_ms: int
) -> Flow[list[Started | Later | SessionStoreError | None]]:
    """Start jobs that were taken from a queue: each, or why it is not for now, or None: never."""
    homes = [find_job(keys, entry.job) for entry in entries]
    # A ticket for each: a queue that was wrong may name a job twice.
    answers = yield from each([jobs.start(home, worker, new_ticket(), lease_ms) for home in homes])
    started: list[Started | Later | SessionStoreError | None] = []
    for home, answer in zip(homes, answers, strict=True):
        if isinstance(answer, Away):
            started.append((yield from _start_away(keys, home, answer, worker, lease_ms)))
        else:
            started.append(answer)
    return started


def _start_away(
    keys: Keyspace, job: JobKey, away: Away, worker: str, lease_ms: int
) -> Flow[Started | Later | SessionStoreError | None]:
    try:
        ended = yield from has_ended(keys, away)
        if ended is not None:
            yield from groups.end(find_group(keys, away.group), ended)
        starting = jobs.start(job, worker, new_ticket(), lease_ms, alive=ended is None)
        answer = yield from starting
    except SessionStoreError as error:
        return error
    return None if isinstance(answer, Away) else answer


def sweep(keys: Keyspace, due: Sequence[Bucket]) -> Flow[int]:
    """Look at the jobs of some buckets that are due; return how many wait that were told of.

    A bucket or queue that cannot be reached keeps no other from being seen to; its error is raised
    at the end.
    """
    failure: SessionStoreError | None = None
    told = 0
    while due:
        answers = yield from each([jobs.sweep(bucket) for bucket in due])
        waiting: dict[str, list[Waiting]] = defaultdict(list)
        more: list[Bucket] = []
        away: list[Away] = []
        for bucket, found in zip(due, answers, strict=True):
            if isinstance(found, SessionStoreError):
                failure = failure or found
                continue
            away += found.away
            for one in found.waiting:
                waiting[one.queue].append(one)
            if found.more:
                more.append(bucket)
        try:
            for place in away:
                ended = yield from has_ended(keys, place)
                if ended is not None:
                    yield from groups.end(find_group(keys, place.group), ended)
            yield from batch(list(_enqueuing(keys, waiting)))
        except SessionStoreError as error:
            failure = failure or error
        told += sum(map(len, waiting.values()))
        due = more
    if failure is not None:
        raise failure
    return told


def _enqueuing(keys: Keyspace, waiting: dict[str, list[Waiting]]) -> Iterable[Operation[Any]]:
    for name, entries in waiting.items():
        for at in range(0, len(entries), 100):
            yield queues.enqueue(queue(keys, name), entries[at : at + 100], check=False)


def result(job: JobKey, user: str, wait_ms: int | None) -> Flow[Job | None]:
    """Wait for the end of a job; None if it is not over in time (wait_ms None: however long)."""
    ticket = new_ticket()
    wait_end: int | None = None
    while True:
        found = yield from jobs.wait_for(job, user, ticket)
        if isinstance(found, Job):
            return found
        step = RECHECK
        if wait_ms is not None:
            wait_end = found + wait_ms if wait_end is None else wait_end
            step = min(wait_end - found, RECHECK)
        if step <= 0:
            return None
        yield Wake(job.wake(ticket), step)


def retry(keys: Keyspace, job: JobKey, user: str) -> Flow[str]:
    """Put a job that is over in line again; the answer is empty, or a state that forbids it."""
    answer: Waiting | Away | str = yield from jobs.retry(job, user)
    if isinstance(answer, Away):
        ended = yield from has_ended(keys, answer)
        if ended is not None:
            raise SessionEnded(answer.sid, reason=ended)
        answer = yield from jobs.retry(job, user, alive=True)
    if isinstance(answer, Waiting):
        yield from queues.enqueue(queue(keys, answer.queue), [answer], check=False)
        return ""
    return answer if isinstance(answer, str) else "away"


def adopt(keys: Keyspace, job: JobKey, user: str, home: Home, scope: Scope) -> Flow[str]:
    """Give an orphan to a session; the answer is empty, or why not.

    A session that has had no job gets its group where the orphan is.
    """
    group = find_group(keys, (yield from _join(keys, home, scope, None, job.bucket)).group)
    if group.bucket is not job.bucket:
        return "the jobs of that session are kept elsewhere"
    state = yield from jobs.adopt(job, group, user)
    return f"it is {state}, and no orphan" if state else ""
