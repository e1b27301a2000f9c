"""Listing and counting sessions, which go through all buckets while sessions move between them.

A pager holds where it is; its `page()` is a flow that reads on, and returns None at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sessionstore._core import buckets, moves
from sessionstore._core.buckets import InMotion, Moved, Row
from sessionstore._core.keys import PUBLIC, Bucket, Keyspace, names_of
from sessionstore._core.operation import Flow, batch

__all__ = ["ListPager", "Place", "count", "places_of"]

AT_ONCE = 32
"""How many buckets are asked in one round trip."""

AGAIN = 10
"""How often a listing looks into a bucket again, for sessions that have gone there meanwhile."""

LOOKS = 3
"""How often a count begins anew, when it comes upon moves that nobody has ended."""

RECENT = 10_000
"""Moves that are so many ms old are told by both of their buckets, if by one."""


@dataclass(slots=True, eq=False)
class Place:
    """One index to go through: that of a bucket, or of an owner in it, and how far it was read."""

    bucket: Bucket
    owner: str = ""
    cursor: bytes = b"0"
    is_behind: bool = False
    """Whether its bucket has more moves to tell first."""


class ListPager:
    """Goes through some indexes, and after sessions that move meanwhile; tells of each one once.

    A session that has left its bucket before that was read, for one that was read before, is looked
    for there again. That finds each that moves less than ten times meanwhile, if no page
    is read more than 30 s after the one before: so long buckets remember moves.
    """

    def __init__(self, keys: Keyspace, places: Sequence[Place], user: str) -> None:
        self._keys = keys
        self._user = user
        self._places = list(places)
        self._begun: dict[Bucket, list[str]] = {}
        self._again: Counter[Bucket] = Counter()
        self._followed: set[str] = set()
        self._told: set[bytes] = set()
        self._told_moved: set[str] = set()
        self._left: list[Moved] = []

    def page(self) -> Flow[list[Row] | None]:
        """Read on; the sessions of a page come in no order."""
        while self._places:
            behind = [at for at in self._places if at.is_behind]
            now = (behind or self._places)[:AT_ONCE]
            answers = yield from batch(
                [buckets.list_page(at.bucket, at.owner, self._user, at.cursor) for at in now]
            )
            rows: list[Row] = []
            for at, found in zip(now, answers, strict=True):
                at.is_behind = found.is_behind
                if (yield from moves.complete_moves(self._keys, found.in_motion)):
                    continue  # read this page again
                rows += found.rows
                self._left += (moved for moved in found.moved if moved.left)
                if at.cursor == b"0" and at.owner not in self._begun.setdefault(at.bucket, []):
                    self._begun[at.bucket].append(at.owner)
                at.cursor = found.cursor
                if not found.cursor:
                    self._places.remove(at)
            rows = list(self._untold(rows))
            if not any(at.is_behind for at in self._places):
                # All at once: for the sake of many that have gone to a bucket it is read once.
                for moved in self._left:
                    self._follow(moved)
                self._left.clear()
            if rows:
                return rows
        return None

    def _untold(self, rows: Sequence[Row]) -> Iterator[Row]:
        for row in rows:
            if row.origin:
                self._told_moved.add(row.sid)
            if row.identity not in self._told:
                self._told.add(row.identity)
                yield row

    def _follow(self, moved: Moved) -> None:
        """Read a bucket again to which a session has gone, if it was read before that."""
        if moved.ticket in self._followed or moved.other in self._told_moved:
            return
        self._followed.add(moved.ticket)
        bucket = self._keys.home(moved.other).bucket
        begins = {at.owner for at in self._places if at.bucket is bucket and at.cursor == b"0"}
        again = [at for at in self._begun.get(bucket, ()) if at not in begins]
        if again and self._again[bucket] < AGAIN:
            self._again[bucket] += 1
            self._places += (Place(bucket, owner) for owner in again)


def places_of(keys: Keyspace, owner: str | None) -> list[Place]:
    """Return the indexes that list an owner's sessions, if need be among others."""
    if owner in (None, "", PUBLIC):
        return [Place(bucket, owner or "") for bucket in keys.buckets]
    return [Place(keys.bucket_of(owner), owner)]


def count(keys: Keyspace, owner: str | None) -> Flow[int]:
    """Count live sessions: of all, or of one owner."""
    places = places_of(keys, owner)
    if owner == "":  # these have no index of their own
        return (yield from _count_each(keys, places, owner))
    total, stuck = yield from _count_once(places, owner)
    for _ in range(LOOKS):
        if total is None or not (yield from moves.complete_moves(keys, stuck)):
            break
        total, stuck = yield from _count_once(places, owner)
    if total is None:
        return (yield from _count_each(keys, places, owner))
    return total


def _count_each(keys: Keyspace, places: Sequence[Place], owner: str | None) -> Flow[int]:
    """Count by listing: it takes longer, and loses nobody who becomes active meanwhile."""
    alive = 0
    pager = ListPager(keys, places, "")
    while rows := (yield from pager.page()):
        alive += sum(owner is None or row.facts.owner == owner for row in rows)
    return alive


def _count_once(
    places: Sequence[Place], owner: str | None
) -> Flow[tuple[int | None, list[InMotion]]]:
    """Count; the answer is complete but for sessions that have been on the move for long.

    It is None if there are pages of those that are due, and one has left before its page was read:
    it may have ended, or is due no more.

    The buckets are read one after the other. A session that has left the one before that was read,
    and come to the other after that was read, is in neither; what came, and was seen where it came
    from, is in both. The moves that the buckets remember tell: each has left and come, or neither.
    """
    total, recent = 0, RECENT
    stuck: list[InMotion] = []
    left: dict[str, tuple[int, str]] = {}
    come: dict[str, tuple[int, str]] = {}
    named = "" if owner is None else names_of(owner)
    alone = len(places) == 1
    behind: dict[Bucket, int] = {}
    cursors = {at.bucket: b"" for at in places}
    while cursors:
        answers = yield from batch(
            [buckets.count(bucket, owner or "", at, alone=alone) for bucket, at in cursors.items()]
        )
        there, cursors = zip(cursors, answers, strict=True), {}
        for bucket, found in there:
            if found.looked + found.behind != behind.get(bucket, found.looked + found.behind):
                return None, []
            total += found.alive
            stuck += found.moving
            for moved, ago in found.moved:
                (left if moved.left else come)[moved.ticket] = (ago, moved.other)
            if len(found.moved) >= buckets.TOLD:
                recent = min(recent, found.moved[0][1] // 2)
            if found.cursor:
                cursors[bucket], behind[bucket] = found.cursor, found.behind
    nowhere = [left[ticket] for ticket in left.keys() - come]
    twice = [come[ticket] for ticket in come.keys() - left] if not alone else []
    total += sum(ago < recent and other.startswith(named) for ago, other in nowhere)
    total -= sum(ago < recent and other.startswith(named) for ago, other in twice)
    return total, stuck
