"""Operations on the group of a session's jobs: where its session is, its end, its events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sessionstore._core.jobs.keys import Group, find_group
from sessionstore._core.keys import Home, Keyspace
from sessionstore._core.operation import Operation
from sessionstore._core.records import refuse
from sessionstore._core.scripts import load

__all__ = ["EventPage", "JobEvent", "end", "follow", "group_of", "point", "position"]

POINT_JOBS, END_JOBS, FOLLOW, GROUP_OF = map(load, ("point_jobs", "end_jobs", "follow", "group_of"))


class JobEvent(NamedTuple):
    """An event as its stream holds it."""

    id: str
    sequence: int
    job: str
    type: str
    body: bytes
    why: str


class EventPage(NamedTuple):
    """What a look at the events of a group found."""

    last: int
    """Sequence of the last event, whether it is in this page or not."""
    live: int
    """How many jobs live."""
    over: str
    """Why the session has ended, if that was told."""
    ended: str
    """Why the session has ended, if that is still to be told."""
    away: str
    """Its SID, if there is nothing to read and it is in another bucket: it may have ended there."""
    events: list[JobEvent]


def point(
    keys: Keyspace, group: str, source: Home, target: Home, owner: str = ""
) -> Operation[None]:
    """Note where the session of a group goes, and, once that is known, whose it is there."""
    found = find_group(keys, group)
    away = int(found.bucket is not target.bucket)
    given = (source.sid, target.sid, away, owner)
    return Operation(POINT_JOBS, (found.facts,), given, lambda _: None)


def group_of(home: Home) -> Operation[str]:
    """Return which group the jobs of a session have that lives; empty if it has had none."""

    def parse(reply: Sequence[Any]) -> str:
        if reply[0] != b"GROUP":
            refuse(home.id, reply)
        return str(reply[1].decode())

    return Operation(GROUP_OF, (home.session, home.bucket.parameters), (), parse)


def end(group: Group, why: str) -> Operation[None]:
    """End the jobs of a session that has ended in another bucket."""
    return Operation(END_JOBS, (group.facts, group.bucket.parameters), (why,), lambda _: None)


def follow(group: Group, after: str, page: int, user: str = "") -> Operation[EventPage | None]:
    """Read a page of events after one that is known (empty: from the first that is kept).

    None: the user may not know of them.
    """
    return _follow(group, f"({after}" if after else "-", page, user)


def position(group: Group, user: str = "") -> Operation[EventPage | None]:
    """Read the last event."""
    return _follow(group, "$", 1, user)


def _follow(group: Group, after: str, page: int, user: str) -> Operation[EventPage | None]:
    def parse(reply: Sequence[Any]) -> EventPage | None:
        if reply == b"ABSENT":
            return None
        last, live, over, how, what, *rows = reply
        what = what.decode()
        events = [
            JobEvent(id.decode(), int(n), job.decode(), kind.decode(), body, why.decode())
            for id, n, job, kind, body, why in rows
        ]
        ended, away = (what if how == one else "" for one in (b"ended", b"away"))
        return EventPage(last, live, over.decode(), ended, away, events)

    keys = (group.facts, group.events, group.bucket.parameters)
    return Operation(FOLLOW, keys, (after, page, user), parse)
