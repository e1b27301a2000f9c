"""What concerns a store as a whole: its beginning, its parameters, all sessions of an owner."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sessionstore._core import buckets, moves, parameters
from sessionstore._core.flows import delete
from sessionstore._core.keys import PUBLIC, Keyspace
from sessionstore._core.operation import Flow, Operation, batch
from sessionstore._core.paging import ListPager, Place
from sessionstore._core.scripts import load
from sessionstore._core.sessions import Scope
from sessionstore.errors import SessionEnded, SessionNotFound, StoreUnavailable

__all__ = ["count", "end_all", "now", "places_of", "start"]

NOW = load("now")


def start(keys: Keyspace, *, create: bool = True) -> Flow[None]:
    """Begin to use a store; without `create`, StoreNotFound if there is none."""
    yield from buckets.join(keys, create=create)
    decided = yield from parameters.read(keys)
    if decided.applied < decided.version:
        # Somebody was killed, or is at it. What takes longer than this is for the next sweep; and
        # should some of the servers be away, it all is.
        with suppress(StoreUnavailable):
            yield from parameters.bring(keys, decided)


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
    asked = {at.bucket: buckets.count(at.bucket, owner) for at in places}
    seen = 0
    while asked:
        answers = yield from batch(list(asked.values()))
        there, asked = zip(asked, answers, strict=True), {}
        seen += 500
        for bucket, found in there:
            if (yield from moves.complete_moves(keys, found.moving)):
                return 0, True
            total += found.alive
            if found.more:
                asked[bucket] = buckets.count(bucket, owner, seen, found.now)
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
