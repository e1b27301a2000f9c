"""Looking after a store: does its index agree with its data, and removing what is left of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sessionstore._core.keys import Bucket, Keyspace
from sessionstore._core.operation import Flow, Operation, together
from sessionstore._core.scripts import load

__all__ = ["Inspected", "buckets_of", "forget_all", "inspect_pages", "inspect_sessions"]

INSPECT, FORGET, BUCKETS = map(load, ("inspect", "forget", "buckets"))


class Inspected(NamedTuple):
    """What a look at some sessions found; faults are pairs of SID and fault."""

    looked_at: int
    due: int
    faults: list[tuple[str, str]]


def inspect(bucket: Bucket, cursor: str, sids: Sequence[str] = ()) -> Operation[Inspected]:
    """Compare a page of a bucket's index (cursor empty: none), and some sessions."""

    def parse(reply: Sequence[Any]) -> Inspected:
        _, looked_at, due, faults = reply
        words = (word.decode() for word in faults)
        return Inspected(looked_at, due, list(zip(words, words, strict=True)))

    return Operation(INSPECT, (bucket.index, bucket.parameters), (cursor, *sids), parse)


def inspect_pages(keys: Keyspace) -> Flow[Inspected]:
    """Compare the first page of every bucket's index with the sessions."""
    return _added((yield from together([inspect(bucket, "0") for bucket in keys.buckets])))


def inspect_sessions(keys: Keyspace, sids: Sequence[str]) -> Flow[Inspected]:
    """Look up sessions, at most some hundreds, in the index."""
    by_bucket: dict[Bucket, list[str]] = {}
    for sid in sids:
        by_bucket.setdefault(keys.home(sid).bucket, []).append(sid)
    return _added(
        (yield from together([inspect(bucket, "", some) for bucket, some in by_bucket.items()]))
    )


def buckets_of(keys: Keyspace) -> Operation[int | None]:
    """Ask over how many buckets the store is spread; None: there is no such store."""
    return Operation(BUCKETS, (keys.store,), (), lambda reply: int(reply[0]) if reply else None)


def forget_all(keys: Keyspace) -> Flow[None]:
    """Remove the permanent keys of a store that has no sessions left."""
    slots = [(at.index, at.parameters, at.events, at.ended) for at in keys.buckets]
    yield from together(
        [
            Operation(FORGET, tuple(names), (), lambda reply: int(reply[0]))
            for names in (*slots, (keys.store,))
        ]
    )


def _added(parts: Sequence[Inspected]) -> Inspected:
    return Inspected(
        sum(part.looked_at for part in parts),
        sum(part.due for part in parts),
        [fault for part in parts for fault in part.faults],
    )
