"""Looking after jobs: do they agree with queues and groups, and does anybody see to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from sessionstore._core.jobs.keys import Queue, queue
from sessionstore._core.jobs.records import Entry
from sessionstore._core.keys import Bucket, Keyspace
from sessionstore._core.operation import Arguments, Flow, Operation, batch
from sessionstore._core.scripts import load

__all__ = ["SLACK_MS", "InspectedJobs", "inspect_jobs"]

INSPECT_JOBS, INSPECT_QUEUE = map(load, ("inspect_jobs", "inspect_queue"))

PAGE = 100
SLACK_MS = 120_000
"""So late may be what workers see to: they do within a minute."""


class InspectedJobs(NamedTuple):
    """What a look at the first jobs of all buckets found; faults are pairs of job and fault.

    `gone`: in the index without a job that lives; `alone`: its group is not there; `unlisted`: its
    group does not know of it; `due`: nobody looks at it; `late`: its lease is over; `out of line`:
    it waits, and its queue does not know of it.
    """

    looked_at: int
    faults: list[tuple[str, str]]
    abandoned: dict[str, int]
    """By queue, how many jobs were taken by workers that were not heard of since."""


class Page(NamedTuple):
    """What was found in one bucket."""

    looked_at: int
    faults: list[tuple[str, str]]
    waiting: list[tuple[str, Entry]]


def inspect_jobs(keys: Keyspace) -> Flow[InspectedJobs]:
    """Compare the jobs that are to be looked at first, in every bucket."""
    pages = yield from batch([_inspect(bucket) for bucket in keys.buckets])
    faults = [fault for page in pages for fault in page.faults]
    lines: dict[str, list[Entry]] = defaultdict(list)
    for page in pages:
        for name, entry in page.waiting:
            lines[name].append(entry)
    abandoned: dict[str, int] = {}
    for name, entries in lines.items():
        for at in range(0, len(entries), PAGE):
            taken, out = yield from _in_line(queue(keys, name), entries[at : at + PAGE])
            faults += ((job, "out of line") for job in out)
            if taken:
                abandoned[name] = taken
    return InspectedJobs(sum(page.looked_at for page in pages), faults, abandoned)


def _inspect(bucket: Bucket) -> Operation[Page]:
    def parse(reply: Sequence[Any]) -> Page:
        looked_at, faults, waiting = reply
        words = (word.decode() for word in faults)
        texts = (text.decode() for text in waiting)
        lines = [(name, Entry(job, owner)) for job, name, owner in zip(*[texts] * 3, strict=True)]
        return Page(looked_at, list(zip(words, words, strict=True)), lines)

    keys = (f"{bucket.tag}jx", bucket.parameters)
    return Operation(INSPECT_JOBS, keys, (PAGE, SLACK_MS), parse)


def _in_line(place: Queue, entries: Sequence[Entry]) -> Operation[tuple[int, list[str]]]:
    def parse(reply: Sequence[Any]) -> tuple[int, list[str]]:
        return reply[0], [job.decode() for job in reply[1:]]

    given: Arguments = (SLACK_MS, *(entry.member for entry in entries))
    return Operation(INSPECT_QUEUE, (place.limits,), given, parse)
