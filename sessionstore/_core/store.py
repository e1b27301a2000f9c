"""What concerns a store as a whole: its beginning, its parameters, all sessions of an owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from sessionstore import config
from sessionstore._core import admission, buckets, moves
from sessionstore._core.flows import delete
from sessionstore._core.keys import PUBLIC, Keyspace
from sessionstore._core.operation import Flow, Operation, together
from sessionstore._core.paging import ListPager, Place
from sessionstore._core.scripts import load
from sessionstore._core.sessions import Scope
from sessionstore.config import Parameters
from sessionstore.errors import SessionEnded, SessionNotFound

__all__ = ["configure", "count", "end_all", "now", "parameters", "places_of", "start"]

NOW = load("now")


def start(keys: Keyspace, *, create: bool = True) -> Flow[None]:
    """Begin to use a store; without `create`, StoreNotFound if there is none."""
    yield from buckets.join(keys, create=create)


def now(keys: Keyspace) -> Operation[int]:
    """Ask for the time, in milliseconds."""
    return Operation(NOW, (keys.store,), (), lambda reply: int(reply[0]))


def places_of(keys: Keyspace, owner: str | None) -> list[Place]:
    """Return the indexes that list an owner's sessions, if need be among others."""
    if owner in (None, "", PUBLIC):
        return [Place(bucket, owner or "") for bucket in keys.buckets]
    return [Place(keys.bucket_of(owner), owner)]


def count(keys: Keyspace, owner: str | None) -> Flow[int]:
    """Count live sessions: of all, or of one owner."""
    places = places_of(keys, owner)
    if owner == "":  # these have no index of their own
        alone = 0
        pager = ListPager(keys, places, "")
        while rows := (yield from pager.page()):
            alone += sum(row.facts.owner == "" for row in rows)
        return alone
    while True:
        total, settled = yield from _count_once(keys, places, owner or "")
        if not settled:
            return total


def _count_once(keys: Keyspace, places: Sequence[Place], owner: str) -> Flow[tuple[int, bool]]:
    """Count; True if a half-done move was settled on the way, so that the number may be wrong."""
    total = 0
    offsets = {at.bucket: 0 for at in places}
    while offsets:
        now, offsets = offsets, {}
        answers = yield from together(
            [buckets.count(bucket, owner, seen) for bucket, seen in now.items()]
        )
        for (bucket, seen), found in zip(now.items(), answers, strict=True):
            if (yield from moves.settle(keys, found.moving)):
                return 0, True
            total += found.alive
            if found.more:
                offsets[bucket] = seen + 500
    return total, False


def end_all(keys: Keyspace, label: str, owner: str, keep: str | None, reason: str) -> Flow[int]:
    """End every session of an owner but one; those that are open end when they are closed."""
    ended = 0
    pager = ListPager(keys, places_of(keys, owner), "")
    while rows := (yield from pager.page()):
        for row in rows:
            if row.sid == keep or row.facts.owner != owner:
                continue
            with suppress(SessionEnded, SessionNotFound):
                home = keys.home(row.sid)
                yield from delete(keys, home, label, Scope(owner), reason=reason)
                ended += 1
    return ended


def parameters(keys: Keyspace) -> Operation[Parameters]:
    """Read the parameters."""
    asked = buckets.configure(keys.buckets[0], {})
    return Operation(
        asked.script, asked.keys, asked.args, lambda reply: config.from_stored(asked.parse(reply))
    )


def configure(keys: Keyspace, changes: Mapping[str, str]) -> Flow[Parameters]:
    """Set parameters in every bucket, and carry out what follows from them."""
    if changes:
        yield from together([buckets.configure(bucket, changes) for bucket in keys.buckets])
    for pool in keys.pools():
        value = changes.get(f"max_{pool.name}")
        if value is not None:
            limit = None if value == config.UNLIMITED else int(value)
            yield from admission.set_limit(keys, pool, limit)
    if changes.get("max_timeout", config.UNLIMITED) != config.UNLIMITED:
        yield from buckets.shorten_all(keys)
    return (yield from parameters(keys))
