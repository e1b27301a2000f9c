"""Reading what spans all buckets, a page at a time: listings and events.

A pager holds where it is; its `page()` is a flow that reads on, and returns None at the end.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sessionstore._core import buckets, moves
from sessionstore._core.buckets import Moved, Row
from sessionstore._core.keys import Bucket, Keyspace
from sessionstore._core.operation import Flow, batch
from sessionstore.errors import ConfigError

__all__ = ["EventPager", "ListPager", "Place"]

EVENT_ID = re.compile(r"\d{1,18}-\d{1,18}", re.ASCII)

AT_ONCE = 32
"""How many buckets are asked in one round trip."""

AGAIN = 10
"""How often a listing looks into a bucket again, for sessions that have gone there meanwhile."""


@dataclass(slots=True, eq=False)
class Place:
    """One index to go through: that of a bucket, or of an owner in it, and how far it was read."""

    bucket: Bucket
    owner: str = ""
    cursor: bytes = b"0"


class ListPager:
    """Goes through some indexes, and after sessions that move meanwhile; tells of each one once.

    A session that has left its bucket before that was read, for one that was read before, is looked
    for there again. That finds each that moves less than ten times meanwhile, if no page
    is read more than 20 s after the one before: so long buckets remember moves.
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

    def page(self) -> Flow[list[Row] | None]:
        """Read on; the sessions of a page come in no order."""
        while self._places:
            now = self._places[:AT_ONCE]
            answers = yield from batch(
                [buckets.list_page(at.bucket, at.owner, self._user, at.cursor) for at in now]
            )
            rows: list[Row] = []
            left: list[Moved] = []
            for at, found in zip(now, answers, strict=True):
                if (yield from moves.complete_moves(self._keys, found.in_motion)):
                    continue  # read this page again
                rows += found.rows
                left += (moved for moved in found.moved if moved.left)
                if at.cursor == b"0" and at.owner not in self._begun.setdefault(at.bucket, []):
                    self._begun[at.bucket].append(at.owner)
                at.cursor = found.cursor
                if found.cursor == b"0":
                    self._places.remove(at)
            rows = list(self._untold(rows))
            for moved in left:
                self._follow(moved)
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


class EventPager:
    """Goes through the events of all buckets; `cursor` says how far, for another pager to go on.

    Events of one session come in their order; those of different sessions nearly so. What the user
    may not know of is left out, and counts as read with what comes before it.
    """

    def __init__(self, keys: Keyspace, cursor: str | None, user: str) -> None:
        self._keys = keys
        self._user = user
        self._pages: dict[str, buckets.EventPage] = {}
        self._read: dict[str, str] = {} if cursor is None else _decoded(cursor)
        self._unread = list(keys.buckets)

    @property
    def cursor(self) -> str:
        """How far has been read, as text."""
        told = json.dumps(self._read, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(told).decode().rstrip("=")

    def note_read(self, bucket: str, event: buckets.EventEntry) -> None:
        """Move the cursor past an event, and past what is left out after it."""
        page = self._pages[bucket]
        self._read[bucket] = page.last if event is page.events[-1] else event.id

    def page(self) -> Flow[list[tuple[str, buckets.EventEntry]] | None]:
        """Read on; the answer is (bucket, event) pairs by time."""
        while self._unread:
            now = self._unread
            answers = yield from batch(
                [buckets.events_page(at, self._read.get(at.name, ""), self._user) for at in now]
            )
            self._pages = {at.name: page for at, page in zip(now, answers, strict=True)}
            self._unread = [at for at in now if self._pages[at.name].more]
            for name, page in self._pages.items():
                if page.last and not page.events:
                    self._read[name] = page.last
            events = [(name, event) for name, page in self._pages.items() for event in page.events]
            if events:
                return sorted(events, key=lambda pair: _moment(pair[1].id))
        return None


def _moment(id: str) -> tuple[int, int]:
    milliseconds, _, number = id.partition("-")
    return int(milliseconds), int(number)


def _decoded(cursor: str) -> dict[str, str]:
    if not isinstance(cursor, str):
        raise ConfigError(f"a cursor of events is a string, not {type(cursor).__name__}")
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        read = {str(name): str(id) for name, id in told.items()}
        if all(EVENT_ID.fullmatch(id) for id in read.values()):
            return read
    except (ValueError, AttributeError, RecursionError, binascii.Error):
        pass
    raise ConfigError("not a cursor of events; begin with since=None")
