"""Submitting jobs: first where the session is, which decides, then in the line for the workers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from sessionstore._core import moves, sessions
from sessionstore._core.jobs import files, jobs, queues
from sessionstore._core.jobs.jobs import Elsewhere, Fields
from sessionstore._core.jobs.keys import (
    Group,
    JobKey,
    find_group,
    find_job,
    new_group,
    new_job,
    queue,
)
from sessionstore._core.jobs.records import Submitted, Waiting
from sessionstore._core.keys import Bucket, Home, Keyspace
from sessionstore._core.operation import Flow, Operation, each
from sessionstore._core.records import Moving, NotArrived
from sessionstore._core.sessions import Scope
from sessionstore.errors import JobRefused, SessionEnded, SessionNotFound, SessionStoreError

__all__ = ["GONE", "Order", "adopt", "attach", "submit"]

GONE = "its caller has gone"
"""Why a job is cancelled that nobody wants to know of any more."""


class Order(NamedTuple):
    """A job to be submitted."""

    queue: str
    fields: Fields
    head_start_ms: int = 0
    delay_ms: int = 0
    files: Mapping[str, bytes] = {}


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
    except BaseException:
        yield from _withdraw(job)
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
        submitted, full = yield from each(both)
    except Moving:
        return None
    except (SessionStoreError, GeneratorExit):
        raise
    except BaseException:
        yield from _withdraw(job)
        raise
    if isinstance(submitted, SessionStoreError):
        raise submitted
    if isinstance(full, SessionStoreError):
        raise full
    if not isinstance(submitted, Submitted):
        return None
    yield from _refuse_if_full(job, full)
    if submitted.fresh and submitted.owner != known.owner:
        yield from _enqueuing_one(keys, job, submitted.owner, order)
    return submitted


def _enqueuing_one(keys: Keyspace, job: JobKey, owner: str, order: Order) -> Operation[int | None]:
    waiting = Waiting(job.id, order.queue, owner, order.head_start_ms, order.delay_ms, False)
    return queues.enqueue(queue(keys, order.queue), [waiting], check=True)


def _withdraw(job: JobKey) -> Flow[None]:
    """Cancel a job whose caller was cancelled: nobody learns of it. It may not even be there."""
    with suppress(SessionStoreError):
        yield from jobs.cancel(job, "", GONE, 0)


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


def adopt(keys: Keyspace, job: JobKey, user: str, home: Home, scope: Scope) -> Flow[str]:
    """Give an orphan to a session; the answer is empty, or why not.

    A session that has had no job gets its group where the orphan is.
    """
    group = find_group(keys, (yield from _join(keys, home, scope, None, job.bucket)).group)
    if group.bucket is not job.bucket:
        return "the jobs of that session are kept elsewhere"
    state = yield from jobs.adopt(job, group, user)
    return f"it is {state}, and no orphan" if state else ""
