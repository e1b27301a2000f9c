"""Operations on a queue, which says in which order jobs are looked at, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sessionstore._core.jobs.keys import Queue
from sessionstore._core.jobs.records import Entry, Later, Waiting
from sessionstore._core.operation import Arguments, Operation
from sessionstore._core.scripts import load

__all__ = ["Claimed", "QueueState", "claim", "configure", "enqueue", "state"]

ENQUEUE_JOBS, CLAIM, CONFIGURE_QUEUE, READ_QUEUE = map(
    load, ("enqueue_jobs", "claim", "configure_queue", "read_queue")
)


class Claimed(NamedTuple):
    """What a worker took, and in how many ms something else is due; None: nothing is known."""

    next_ms: int | None
    entries: list[Entry]


class QueueState(NamedTuple):
    """How much is in a queue, and its limits as texts by name."""

    owners: int
    waiting: int
    later: int
    taken: int
    limits: dict[str, str]


def enqueue(queue: Queue, waiting: Iterable[Waiting], *, check: bool) -> Operation[int | None]:
    """Put jobs in line; with `check` a full queue refuses, and the answer is how many it takes."""
    given: list[str | int] = []
    for one in waiting:
        given += one.job + one.owner, one.head_start_ms, one.delay_ms, int(one.front)
    return Operation(
        ENQUEUE_JOBS,
        (queue.limits,),
        (int(check), *given),
        lambda reply: None if reply == b"QUEUED" else int(reply[1]),
    )


def claim(
    queue: Queue,
    ticket: str,
    most: int,
    hide_ms: int,
    *,
    done: Sequence[Entry] = (),
    later: Sequence[tuple[Entry, Later]] = (),
) -> Operation[Claimed]:
    """Take the next jobs, and tell what became of those that were taken before."""

    def parse(reply: Sequence[Any]) -> Claimed:
        next_ms, *members = reply
        return Claimed(None if next_ms < 0 else int(next_ms), list(map(Entry.of, members)))

    told: list[str] = []
    for entry, how in later:
        told += f"{'r' if how.runs else 'l'}{how.milliseconds}", entry.member
    given: Arguments = (ticket, most, hide_ms, len(done), *(entry.member for entry in done), *told)
    return Operation(CLAIM, (queue.limits,), given, parse)


def configure(queue: Queue, limits: Mapping[str, str]) -> Operation[None]:
    """Set limits of a queue; an empty text takes one away."""
    given: list[str] = []
    for limit in limits.items():
        given += limit
    return Operation(CONFIGURE_QUEUE, (queue.limits,), tuple(given), lambda _: None)


def state(queue: Queue) -> Operation[QueueState]:
    """Read the limits of a queue, and how much is in it."""

    def parse(reply: Sequence[Any]) -> QueueState:
        owners, waiting, later, taken, *texts = reply
        limits = [text.decode() for text in texts]
        named = dict(zip(limits[::2], limits[1::2], strict=True))
        return QueueState(owners, waiting, later, taken, named)

    return Operation(READ_QUEUE, (queue.limits,), (), parse)
