"""What concerns a store as a whole: its beginning, its parameters, all sessions of an owner."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sessionstore._core import buckets, moves, parameters
from sessionstore._core.keys import PUBLIC, Keyspace
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.operation import Flow, Operation, batch
from sessionstore._core.paging import ListPager, Place
from sessionstore._core.scripts import load
from sessionstore._core.sweeping import give_back
from sessionstore.errors import SessionStoreError, StoreUnavailable

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


def end_all(keys: Keyspace, owner: str, keep: str | None, reason: str) -> Flow[int]:
    """End every session that an owner has but one; those that are open end when they are closed.

    From the first page of a bucket on, none gets away by getting another id there.
    """
    ticket, total = new_ticket(), 0
    due = {place.bucket: b"0" for place in places_of(keys, owner)}
    stopping = [buckets.stop_ending(bucket, owner, ticket) for bucket in due]
    try:
        while due:
            pages = [
                buckets.end_owned(bucket, owner, ticket, reason, keep or "", cursor)
                for bucket, cursor in due.items()
            ]
            there = dict(zip(due, (yield from batch(pages)), strict=True))
            yield from give_back(keys, {bucket: found.seats for bucket, found in there.items()})
            for found in there.values():
                yield from moves.complete_moves(keys, found.moving)
            total += sum(found.total for found in there.values() if found.cursor == b"0")
            due = {at: found.cursor for at, found in there.items() if found.cursor != b"0"}
    except SessionStoreError:
        raise  # out of reach, and then time undoes what is left
    except BaseException:
        yield from batch(stopping)
        raise
    yield from batch(stopping)
    return total
