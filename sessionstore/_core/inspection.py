"""Looking after a store: does its index agree with its data, and removing what is left of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sessionstore._core import parameters
from sessionstore._core.keys import Bucket, Keyspace
from sessionstore._core.operation import Flow, Operation, batch
from sessionstore._core.scripts import load

__all__ = [
    "Compared",
    "Inspected",
    "buckets_of",
    "compare_parameters",
    "forget_all",
    "inspect_pages",
    "inspect_sessions",
]

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
    return _added((yield from batch([inspect(bucket, "0") for bucket in keys.buckets])))


def inspect_sessions(keys: Keyspace, sids: Sequence[str]) -> Flow[Inspected]:
    """Look up sessions, at most some hundreds, in the index."""
    by_bucket: dict[Bucket, list[str]] = {}
    for sid in sids:
        by_bucket.setdefault(keys.home(sid).bucket, []).append(sid)
    return _added(
        (yield from batch([inspect(bucket, "", some) for bucket, some in by_bucket.items()]))
    )


class Compared(NamedTuple):
    """What has not come to the parameters that are decided: the names of buckets and pools."""

    half_done: bool
    """Whether a change is still on its way."""
    behind: list[str]
    """Buckets of another version."""
    mixed: list[str]
    """Buckets of the same version that hold something else."""
    pools: list[str]
    """Pools of another version, or with another limit."""


def compare_parameters(keys: Keyspace) -> Flow[Compared]:
    """Compare the parameters of all buckets and the limits of pools with what is decided."""
    decided = yield from parameters.read(keys)
    pools = list(keys.pools())
    wanted = {**decided.for_buckets, "version": str(decided.version)}
    if not decided.version:
        wanted = {}
    there = yield from batch([parameters.stored(bucket.parameters) for bucket in keys.buckets])
    limits = yield from batch([parameters.stored(pool.limit) for pool in pools])
    other = [
        (bucket.name, found.get("version"))
        for bucket, found in zip(keys.buckets, there, strict=True)
        if found != wanted
    ]
    version = wanted.get("version")
    return Compared(
        decided.applied < decided.version,
        [name for name, has in other if has != version],
        [name for name, has in other if has == version],
        [
            pool.name
            for pool, found in zip(pools, limits, strict=True)
            if (found.get("version"), found.get("limit", "")) != (version, decided.limit(pool))
        ],
    )


def buckets_of(keys: Keyspace) -> Operation[int | None]:
    """Ask over how many buckets the store is spread; None: there is no such store."""
    return Operation(BUCKETS, (keys.store,), (), lambda reply: int(reply[0]) if reply else None)


def forget_all(keys: Keyspace) -> Flow[None]:
    """Remove the permanent keys of a store that has no sessions left."""
    slots: list[tuple[str, ...]] = [
        (at.index, at.parameters, at.events, at.ended) for at in keys.buckets
    ]
    slots += [(pool.seats, pool.fresh, pool.limit) for pool in keys.pools()]
    yield from batch(
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
