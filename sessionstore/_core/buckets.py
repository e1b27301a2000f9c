"""Operations on a whole bucket, and the flows that go through all buckets of a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from sessionstore._core.keys import Bucket, Keyspace
from sessionstore._core.layout import ACTIVITY, CREATED, ENDS, FENCE, OWNER, TIMEOUT
from sessionstore._core.operation import Arguments, Flow, Operation, batch
from sessionstore._core.records import Facts, Moving, identity
from sessionstore._core.scripts import load
from sessionstore.errors import ConfigError, StoreNotFound

__all__ = [
    "Counted",
    "Ended",
    "EventEntry",
    "EventPage",
    "InMotion",
    "Moved",
    "Page",
    "Reviewed",
    "Row",
    "Swept",
    "adopt",
    "count",
    "end_owned",
    "events_page",
    "evict_owned",
    "join",
    "list_page",
    "review_owned",
    "revisit_all",
    "stop_ending",
    "sweep",
]

JOIN, ADOPT, REVISIT, LIST, COUNT, SWEEP, EVENTS = map(
    load, ("join", "adopt", "revisit", "list", "count", "sweep", "events")
)
REVIEW_OWNED, EVICT_OWNED, END_OWNED, STOP_ENDING = map(
    load, ("review_owned", "evict_owned", "end_owned", "stop_ending")
)
PAGE = 100

TOLD = 500
"""Moves that a bucket tells at once, at the most."""


@dataclass(slots=True, eq=False)
class Row:
    """A line of a listing; times in milliseconds."""

    sid: str
    facts: Facts
    deadline: int
    holder: str
    lease_end: int
    origin: bytes

    @property
    def identity(self) -> bytes:
        """What tells the session apart from all others, wherever it goes."""
        return self.origin or identity(self.sid, self.facts.created)


class InMotion(NamedTuple):
    """A session in a listing that is between two homes."""

    sid: str
    moving: Moving


class Moved(NamedTuple):
    """That a session has left a bucket or come to it, with its other home."""

    left: bool
    ticket: str
    other: str

    @classmethod
    def of(cls, how: bytes) -> Moved:
        direction, ticket, other = how.decode().split(" ", 2)
        return cls(direction == ">", ticket, other)


class Page(NamedTuple):
    """A page of an index, and the moves from its bucket and to it since the page before."""

    cursor: bytes
    """Where the next page begins; empty if this is the last."""
    rows: list[Row]
    in_motion: list[InMotion]
    moved: list[Moved]

    @property
    def is_behind(self) -> bool:
        """Whether there may be more moves; what they moved is not read before they are told."""
        return len(self.moved) >= TOLD


class Counted(NamedTuple):
    """What a page of a count found."""

    alive: int
    looked: int
    """At so many that are due."""
    cursor: bytes
    """Where those begin that are due `behind` them; empty if there are none."""
    behind: int
    moving: list[InMotion]
    moved: list[tuple[Moved, int]]
    """The last moves, and how many ms ago they were."""


class Swept(NamedTuple):
    """What a sweep of one bucket found, besides the sessions that it ended."""

    ended: int
    cursor: bytes
    """Where the next page begins; empty if this is the last."""
    moving: list[InMotion]
    left: list[bytes]
    version: int
    """Of the parameters that the bucket has."""


class Reviewed(NamedTuple):
    """What is left of a page of an owner's sessions: how many there are in all, and idle ones.

    Of those it tells the last activity.
    """

    cursor: bytes
    size: int
    idle: dict[str, int]
    moving: list[InMotion]


class Ended(NamedTuple):
    """What came of a page of an owner's sessions; `total` counts the pages before it, too."""

    cursor: bytes
    total: int
    moving: list[InMotion]
    left: list[bytes]


class EventEntry(NamedTuple):
    """An event as its stream holds it."""

    id: str
    kind: str
    sid: str
    owner: str
    reason: str


class EventPage(NamedTuple):
    """Events of a bucket; `last` is the id of the last one that was looked at, shown or not."""

    last: str
    more: bool
    events: list[EventEntry]


def join(keys: Keyspace, *, create: bool) -> Operation[None]:
    """Agree on the number of buckets; ConfigError if the store was made with another."""

    def parse(reply: Sequence[bytes]) -> None:
        if not reply:
            raise StoreNotFound(
                f"there is no store with the prefix {keys.prefix!r} here; check prefix and URL, or"
                " connect with create=True to make it"
            )
        if int(reply[0]) != len(keys.buckets):
            raise ConfigError(
                f"the store with prefix {keys.prefix!r} has {int(reply[0])} buckets for life,"
                f" not {len(keys.buckets)}; connect with buckets={int(reply[0])}"
            )

    return Operation(JOIN, (keys.store,), (len(keys.buckets) if create else "",), parse)


def adopt(bucket: Bucket, version: int, fields: Mapping[str, str]) -> Operation[int]:
    """Bring a bucket to parameters, unless it has later ones; answers the version it has then."""
    given: Arguments = (version, *chain.from_iterable(fields.items()))
    return Operation(ADOPT, (bucket.parameters,), given, lambda reply: int(reply[0]))


def revisit(bucket: Bucket, cursor: bytes) -> Operation[bytes]:
    """Bring a page of sessions to changed parameters; the answer is the next cursor."""
    return Operation(
        REVISIT, (bucket.index, bucket.parameters), (cursor,), lambda reply: bytes(reply[0])
    )


def list_page(bucket: Bucket, owner: str, user: str, cursor: bytes) -> Operation[Page]:
    """Read a page of a bucket's sessions, or of one owner's."""

    def parse(reply: Sequence[Any]) -> Page:
        cursor, moved, *found = reply
        rows = [_row(row) for row in found if len(row) > 2]
        in_motion = [InMotion(row[0].decode(), Moving(row[1])) for row in found if len(row) == 2]
        return Page(bytes(cursor), rows, in_motion, list(map(Moved.of, moved)))

    index = bucket.owned(owner) if owner else bucket.index
    return Operation(LIST, (index, bucket.parameters), (cursor, user), parse)


def _row(row: Sequence[Any]) -> Row:
    sid, fence, owner, timeout, created, activity, deadline, ends, holder, lease_end, origin = row
    facts = Facts(
        {
            FENCE: fence,
            OWNER: owner,
            TIMEOUT: timeout,
            CREATED: created,
            ACTIVITY: activity,
            ENDS: ends,
        }
    )
    return Row(sid.decode(), facts, deadline, holder.decode(), lease_end, origin)


def count(bucket: Bucket, owner: str, cursor: bytes = b"", *, alone: bool) -> Operation[Counted]:
    """Count the live sessions of a bucket, or of one owner, a page of those that are due at a time.

    `alone` says that no other bucket is counted, where one that arrives here may have left.
    """

    def parse(reply: Sequence[Any]) -> Counted:
        alive, looked, cursor, behind, moving, moved = reply
        last = [(Moved.of(how), ago) for how, ago in zip(moved[::2], moved[1::2], strict=True)]
        return Counted(alive, looked, bytes(cursor), behind, _in_motion(moving), last)

    index = bucket.owned(owner) if owner else bucket.index
    return Operation(COUNT, (index, bucket.parameters), (cursor, int(alone)), parse)


def _in_motion(pairs: Sequence[bytes]) -> list[InMotion]:
    both = iter(pairs)
    return [InMotion(sid.decode(), Moving(how)) for sid, how in zip(both, both, strict=True)]


def sweep(bucket: Bucket, cursor: bytes, *, timed_out: bool) -> Operation[Swept]:
    """End a page of what is due in a bucket; with `timed_out`, also what is kept until a sweep."""

    def parse(reply: Sequence[Any]) -> Swept:
        ended, cursor, moving, left, version = reply
        return Swept(ended, bytes(cursor), _in_motion(moving), left, int(version))

    keys = (bucket.index, bucket.ended, bucket.parameters)
    return Operation(SWEEP, keys, (PAGE, int(timed_out), cursor), parse)


def review_owned(bucket: Bucket, owner: str, cursor: bytes) -> Operation[Reviewed]:
    """End what is over in a page of an owner's sessions, and name those that nobody holds."""

    def parse(reply: Sequence[Any]) -> Reviewed:
        cursor, size, *idle = reply
        found = list(zip((sid.decode() for sid in idle[::2]), idle[1::2], strict=True))
        moving = [InMotion(sid, Moving(how)) for sid, how in found if isinstance(how, bytes)]
        there = {sid: activity for sid, activity in found if isinstance(activity, int)}
        return Reviewed(cursor, size, there, moving)

    keys = (bucket.owned(owner), bucket.parameters)
    return Operation(REVIEW_OWNED, keys, (owner, cursor), parse)


def evict_owned(
    bucket: Bucket, owner: str, most: int, victims: Sequence[tuple[str, int]]
) -> Operation[int]:
    """End sessions of an owner, in order, until there are fewer than `most`; answers how many."""
    given: Iterable[str | int] = chain.from_iterable(victims)
    keys = (bucket.owned(owner), bucket.parameters)
    return Operation(EVICT_OWNED, keys, (most, *given), lambda reply: int(reply[0]))


def end_owned(
    bucket: Bucket, owner: str, ticket: str, reason: str, keep: str, cursor: bytes
) -> Operation[Ended]:
    """End a page of an owner's sessions but one, and whatever else the owner gets meanwhile."""

    def parse(reply: Sequence[Any]) -> Ended:
        cursor, total, moving, left = reply
        return Ended(bytes(cursor), total, _in_motion(moving), left)

    keys = (bucket.owned(owner), bucket.ending(owner), bucket.parameters)
    return Operation(END_OWNED, keys, (ticket, reason, keep, cursor), parse)


def stop_ending(bucket: Bucket, owner: str, ticket: str) -> Operation[int]:
    """Say that a call has ended all that an owner has in a bucket."""
    return Operation(STOP_ENDING, (bucket.ending(owner),), (ticket,), lambda reply: int(reply[0]))


def events_page(bucket: Bucket, after: str, user: str) -> Operation[EventPage]:
    """Read a page of a bucket's events after an event id; empty: from the first."""

    def parse(reply: Sequence[Any]) -> EventPage:
        last, more, *rows = reply
        events = [EventEntry(*(item.decode() for item in row)) for row in rows]
        return EventPage(last.decode(), more == 1, events)

    given = (f"({after}" if after else "-", PAGE, user)
    return Operation(EVENTS, (bucket.events,), given, parse)


def revisit_all(keys: Keyspace) -> Flow[None]:
    """Bring every session to changed parameters."""
    cursors = dict.fromkeys(keys.buckets, b"0")
    while cursors:
        answers = yield from batch([revisit(bucket, at) for bucket, at in cursors.items()])
        cursors = {bucket: at for bucket, at in zip(cursors, answers, strict=True) if at != b"0"}
