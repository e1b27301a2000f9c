"""Submitting jobs: first where the session is, which decides, then in the line for the workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from sessionstore._core import moves, sessions
from sessionstore._core.jobs import files, jobs, queues
from sessionstore._core.jobs.jobs import Elsewhere, Given
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
from sessionstore._core.operation import Flow, Operation, batch, each
from sessionstore._core.records import Moving, NotArrived
from sessionstore._core.sessions import Scope
from sessionstore.errors import JobRefused, SessionEnded, SessionNotFound, SessionStoreError

__all__ = ["GONE", "Order", "adopt", "attach", "submit"]

GONE = "its caller has gone"
"""Why a job is cancelled that nobody wants to know of any more."""

NOTHING = Given((), {})


class Order(NamedTuple):
    """Jobs to be submitted together, all or none: as many as there are parameters, at most 100."""

    queue: str
    given: Given
    head_start_ms: int = 0
    delay_ms: int = 0
    files: Mapping[str, bytes] = {}
    """For the one job that there is then."""


def submit(
    keys: Keyspace, home: Home, scope: Scope, order: Order, known: Submitted | None = None
) -> Flow[Submitted]:
    """Submit jobs for a session: first where its session is, then in the line for the workers.

    What breaks off in between leaves jobs whose place in line the sweep sees to. `known` is what
    an earlier job of the session told; with that, both leave in one write.
    """
    if known is not None and not order.files:
        at_once = yield from _submit_at_once(keys, home, scope, order, known)
        if at_once is not None:
            return at_once
    given, new = order.given, list[JobKey]()
    if order.files:
        new = [new_job((yield from attach(keys, home, scope)).bucket)]
        staged = yield from files.stage_all(new[0], order.files)
        given = given._replace(fields={**given.fields, "F": 1, **staged})
    submitted = yield from _join(keys, home, scope, given, new=new)
    if not submitted.fresh:
        return submitted
    try:
        full = yield from _enqueuing(keys, submitted.jobs, submitted.owner, order)
    except (SessionStoreError, GeneratorExit):
        raise
    except BaseException:
        yield from _withdraw(keys, submitted.jobs)
        raise
    yield from _refuse_if_full(keys, submitted.jobs, full)
    return submitted


def _submit_at_once(
    keys: Keyspace, home: Home, scope: Scope, order: Order, known: Submitted
) -> Flow[Submitted | None]:
    """Submit jobs and put them in line; None if their group is in another bucket by now.

    A place in line for a job that is not there is dropped by whoever takes it.
    """
    new = [new_job(home.bucket) for _ in order.given.parameters]
    ids = [job.id for job in new]
    submitting = jobs.submit(home, scope, new_group(home.bucket), new, order.given)
    try:
        both: list[Operation[Any]] = [submitting, _enqueuing(keys, ids, known.owner, order)]
        submitted, full = yield from each(both)
    except Moving:
        return None
    except (SessionStoreError, GeneratorExit):
        raise
    except BaseException:
        yield from _withdraw(keys, ids)
        raise
    if isinstance(submitted, SessionStoreError):
        raise submitted
    if isinstance(full, SessionStoreError):
        raise full
    if not isinstance(submitted, Submitted):
        return None
    yield from _refuse_if_full(keys, ids, full)
    if submitted.fresh and submitted.owner != known.owner:
        yield from _enqueuing(keys, ids, submitted.owner, order)
    return submitted


def _enqueuing(
    keys: Keyspace, ids: Sequence[str], owner: str, order: Order
) -> Operation[int | None]:
    waiting = [
        Waiting(id, order.queue, owner, order.head_start_ms, order.delay_ms, False) for id in ids
    ]
    return queues.enqueue(queue(keys, order.queue), waiting, check=True)


def _withdraw(keys: Keyspace, ids: Sequence[str]) -> Flow[None]:
    """Cancel jobs whose caller was cancelled: nobody learns of them. They may not even be there."""
    with suppress(SessionStoreError):
        yield from each([jobs.cancel(find_job(keys, id), "", GONE, 0) for id in ids])


def _refuse_if_full(keys: Keyspace, ids: Sequence[str], full: int | None) -> Flow[None]:
    if full is not None:
        yield from batch(
            [jobs.cancel(find_job(keys, id), "", "its queue is full", 0) for id in ids]
        )
        raise JobRefused("queue", value=full, retry_after=1.0)


def attach(keys: Keyspace, home: Home, scope: Scope) -> Flow[Group]:
    """Return the group of a session's jobs and events; it is made if there is none."""
    return find_group(keys, (yield from _join(keys, home, scope, NOTHING)).group)


def _join(
    keys: Keyspace,
    home: Home,
    scope: Scope,
    given: Given,
    place: Bucket | None = None,
    new: Sequence[JobKey] = (),
) -> Flow[Submitted]:
    """Add jobs to the group of their session; without any, only see to the group.

    A job that is named in `new` has files already, in the bucket of the group.
    """
    elsewhere = bool(new) and new[0].bucket is not home.bucket
    here = () if elsewhere else new or [new_job(home.bucket) for _ in given.parameters]
    submitting = jobs.submit(home, scope, new_group(place or home.bucket), here, given)
    try:
        answer = yield from moves.resolved(keys, home, submitting)
        if not isinstance(answer, Elsewhere):
            if elsewhere:
                raise SessionEnded(home.id, reason="deleted")  # another one has its name now
            return answer
        found = yield from moves.resolved(keys, home, sessions.read(home, scope, ()))
    except NotArrived:
        raise SessionNotFound(home.id) from None
    group = find_group(keys, answer.group)
    if new and new[0].bucket is not group.bucket:
        raise SessionEnded(home.id, reason="deleted")
    there = new or [new_job(group.bucket) for _ in given.parameters]
    return (yield from jobs.submit_away(home, found.facts.owner, group, there, given))


def adopt(keys: Keyspace, job: JobKey, user: str, home: Home, scope: Scope) -> Flow[str]:
    """Give an orphan to a session; the answer is empty, or why not.

    A session that has had no job gets its group where the orphan is.
    """
    group = find_group(keys, (yield from _join(keys, home, scope, NOTHING, job.bucket)).group)
    if group.bucket is not job.bucket:
        return "the jobs of that session are kept elsewhere"
    state = yield from jobs.adopt(job, group, user)
    return f"it is {state}, and no orphan" if state else ""
