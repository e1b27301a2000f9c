"""What concerns a store as a whole: its beginning, its parameters, all sessions of an owner."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sessionstore._core import buckets, moves, parameters
from sessionstore._core.buckets import InMotion
from sessionstore._core.keys import PUBLIC, Keyspace, names_of
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.operation import Flow, Operation, batch
from sessionstore._core.paging import ListPager, Place
from sessionstore._core.scripts import load
from sessionstore._core.sweeping import give_back
from sessionstore.errors import SessionStoreError, StoreUnavailable

__all__ = ["count", "end_all", "now", "places_of", "start"]

NOW = load("now")

LOOKS = 3
"""How often a count begins anew, when it comes upon moves that nobody has ended."""

RECENT = 10_000
"""Moves that are so many ms old are told by both of their buckets, if by one."""

TOLD = 500
"""Moves that a bucket tells at the most."""


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
    total, stuck = yield from _count_once(places, owner)
    for _ in range(LOOKS):
        if not (yield from moves.complete_moves(keys, stuck)):
            break
        total, stuck = yield from _count_once(places, owner)
    return total


def _count_once(places: Sequence[Place], owner: str | None) -> Flow[tuple[int, list[InMotion]]]:
    """Count; the answer is complete but for sessions that have been on the move for long.

    The buckets are read one after the other. A session that has left the one before that was read,
    and come to the other after that was read, is in neither; what came, and was seen where it came
    from, is in both. The moves that the buckets remember tell: each has left and come, or neither.
    """
    total, seen, recent = 0, 0, RECENT
    stuck: list[InMotion] = []
    left: dict[str, tuple[int, str]] = {}
    come: dict[str, tuple[int, str]] = {}
    named = "" if owner is None else names_of(owner)
    asked = {at.bucket: buckets.count(at.bucket, owner or "") for at in places}
    while asked:
        answers = yield from batch(list(asked.values()))
        there, asked = zip(asked, answers, strict=True), {}
        seen += 500
        for bucket, found in there:
            total += found.alive
            stuck += found.moving
            for moved, ago in found.moved:
                (left if moved.left else come)[moved.ticket] = (ago, moved.other)
            if len(found.moved) >= TOLD:
                recent = min(recent, found.moved[0][1] // 2)
            if found.more:
                asked[bucket] = buckets.count(bucket, owner or "", seen, found.now)
    nowhere = [left[ticket] for ticket in left.keys() - come]
    twice = [come[ticket] for ticket in come.keys() - left] if len(places) > 1 else []
    total += sum(ago < recent and other.startswith(named) for ago, other in nowhere)
    total -= sum(ago < recent and other.startswith(named) for ago, other in twice)
    return total, stuck


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
