"""What takes more than one round trip: each half of a flow heals if the other does not follow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sessionstore._core.jobs import jobs, queues
from sessionstore._core.jobs.away import has_ended, settle
from sessionstore._core.jobs.jobs import Outcome, Report
from sessionstore._core.jobs.keys import (
    JobKey,
    Queue,
    find_job,
    queue,
)
from sessionstore._core.jobs.records import Away, Entry, Job, Later, Started, Waiting
from sessionstore._core.keys import Bucket, Keyspace
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.operation import Flow, Operation, Wake, batch, each
from sessionstore.errors import (
    SessionEnded,
    SessionStoreError,
)

__all__ = [
    "Finished",
    "result",
    "retry",
    "start",
    "sweep",
    "take",
]

RECHECK = 1000
"""When who waits for the end of a job looks by itself at the latest, in ms."""


class Finished(NamedTuple):
    """A start that is over, and what there is to tell of it."""

    entry: Entry
    token: str
    outcome: Outcome
    said: Report
    sure: bool = True
    """Whether it is still the caller's; if not, another may have the job, and its place in line."""


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

    What is not sure to be the caller's is finished before: the queue hears of it only if nobody
    else has the job by now, for then that one has its place. The answers are what `finish` says of
    each, and what was taken.
    """
    unsure = [one for one in done if not one.sure]
    before = yield from each([_finishing(keys, one) for one in unsure])
    answered = zip(unsure, before, strict=True)
    mine = [one for one, said in answered if isinstance(said, str) and said != "lost"]
    sure = [one for one in done if one.sure]
    over = [one.entry for one in (*sure, *mine) if one.outcome.state not in ("again", "back")]
    back = [
        (one.entry, Later(False, one.outcome.delay_ms))
        for one in (*sure, *mine)
        if one.outcome.state in ("again", "back")
    ]
    claiming = queues.claim(
        place, new_ticket(), most, lease_ms, done=[*over, *dropped], later=[*back, *later]
    )
    both: list[Operation[Any]] = [*(_finishing(keys, one) for one in sure), claiming]
    *now, claimed = yield from each(both)
    if isinstance(claimed, SessionStoreError):
        raise claimed
    answers, answers_before = iter(now), iter(before)
    return [next(answers if one.sure else answers_before) for one in done], claimed


def _finishing(keys: Keyspace, one: Finished) -> Operation[str]:
    return jobs.finish(find_job(keys, one.entry.job), one.token, one.outcome, one.said)


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
        ended = yield from settle(keys, away)
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
                yield from settle(keys, place)
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
