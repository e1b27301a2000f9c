"""Listing jobs: those that live, those that are over for a while, and those that have failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sessionstore._core import moves
from sessionstore._core.jobs import groups, jobs
from sessionstore._core.jobs.keys import find_group
from sessionstore._core.jobs.layout import LIVE
from sessionstore._core.jobs.records import Row
from sessionstore._core.keys import Bucket, Home, Keyspace
from sessionstore._core.operation import Flow, batch

__all__ = ["JobPager", "Place", "places", "places_of"]

AT_ONCE = 32
"""How many indexes are read in one round trip."""


@dataclass(slots=True, eq=False)
class Place:
    """An index to go through, and how far it was read."""

    bucket: Bucket
    index: str
    cursor: bytes = b"0"


def places(keys: Keyspace, state: str | None) -> list[Place]:
    """Return the indexes of the whole store that name jobs in a state."""
    indexes = [*(["jx"] if state in (None, *LIVE) else []), *(["jd"] if state not in LIVE else [])]
    return [Place(bucket, index) for index in indexes for bucket in keys.buckets]


def places_of(keys: Keyspace, home: Home) -> Flow[list[Place]]:
    """Return the indexes of one session; SessionNotFound, SessionEnded."""
    group = yield from moves.resolved(keys, home, groups.group_of(home))
    if not group:
        return []
    found = find_group(keys, group)
    return [Place(found.bucket, f"{index}:{group}") for index in ("js", "jf")]


class JobPager:
    """Goes through some indexes, and tells of each job once."""

    def __init__(self, places: Sequence[Place], user: str) -> None:
        self._places = list(places)
        self._user = user
        self._told: set[str] = set()

    def page(self) -> Flow[list[Row] | None]:
        """Read on; the jobs of a page come in no order."""
        while self._places:
            now = self._places[:AT_ONCE]
            answers = yield from batch(
                [jobs.page_of_jobs(at.bucket, at.index, self._user, at.cursor) for at in now]
            )
            rows: list[Row] = []
            for at, (cursor, found) in zip(now, answers, strict=True):
                at.cursor = cursor
                if cursor == b"0":
                    self._places.remove(at)
                rows += (row for row in found if row.job.id not in self._told)
                self._told.update(row.job.id for row in found)
            if rows:
                return rows
        return None
