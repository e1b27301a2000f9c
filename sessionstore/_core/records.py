"""What the scripts answer, as values: the facts of a session, and the errors a reply stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, ClassVar, NamedTuple, NoReturn

from sessionstore._core.keys import Home
from sessionstore._core.layout import (
    ACTIVITY,
    CONTENT,
    CREATED,
    ENDS,
    FENCE,
    ORIGIN,
    OWNER,
    SEAT,
    TIMEOUT,
)
from sessionstore._ids import shown
from sessionstore.errors import (
    Conflict,
    LeaseLost,
    QuotaExceeded,
    SessionEnded,
    SessionExists,
    SessionInUse,
    SessionNotFound,
    SessionStoreError,
    StoreUnavailable,
    ValueTooLarge,
)

__all__ = [
    "Crowded",
    "Due",
    "Facts",
    "Forgotten",
    "Held",
    "Moving",
    "NotArrived",
    "Opened",
    "Queued",
    "Reading",
    "Seat",
    "Unstaged",
    "all_fields",
    "demanded",
    "identity",
    "instant",
    "is_content",
    "named_fields",
    "refuse",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
"""Stands for all that is later: no calendar goes much further."""


class Held(NamedTuple):
    """A session that is held: its lease in ms as asked for (None: the store's), and as told."""

    home: Home
    fence: int
    asked: int | None
    told: int


@dataclass(slots=True, eq=False, repr=False)
class Opened:
    """A session that the caller holds (or has just created)."""

    deadline: ClassVar[int] = 0
    """Not told: it follows from the lease."""

    home: Home
    fields: dict[bytes, bytes]
    lease_end: int
    lease_ms: int
    waited: bool = False

    @property
    def now(self) -> int:
        return self.lease_end - self.lease_ms

    @property
    def facts(self) -> Facts:
        return Facts(self.fields)


@dataclass(slots=True, eq=False)
class Queued:
    """A place in the line: when the wait ends, and in how many ms to look again at the latest."""

    wait_end: int
    look_again: int


@dataclass(slots=True, eq=False, repr=False)
class Reading:
    """A session as it was when it was read; times in milliseconds."""

    lease_ms: ClassVar[int] = 0
    """The caller has no lease."""

    waited: ClassVar[bool] = False

    home: Home
    fields: dict[bytes, bytes]
    now: int
    deadline: int
    holder: str
    lease_end: int

    @property
    def facts(self) -> Facts:
        return Facts(self.fields)


def instant(milliseconds: int) -> datetime:
    """Return a time of Redis as an aware datetime in UTC; the last there is for any after it."""
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return LATEST


class Facts:
    """The facts of a session, read from its stored fields when asked for; times in milliseconds."""

    __slots__ = ("fields",)

    def __init__(self, fields: Mapping[bytes, bytes | int]) -> None:
        self.fields = fields

    @property
    def fence(self) -> int:
        return int(self.fields[FENCE])

    @property
    def owner(self) -> str:
        owner = self.fields.get(OWNER)
        return owner.decode() if isinstance(owner, bytes) else ""

    @property
    def timeout(self) -> int:
        return int(self.fields[TIMEOUT])

    @property
    def created(self) -> int:
        return int(self.fields[CREATED])

    @property
    def activity(self) -> int:
        return int(self.fields[ACTIVITY])

    @property
    def ends(self) -> int | None:
        ends = self.fields.get(ENDS)
        return int(ends) if ends else None

    @property
    def seat(self) -> str:
        """The ticket of its seat; empty if it has none."""
        seat = self.fields.get(SEAT)
        return seat.decode() if isinstance(seat, bytes) else ""

    def which(self, sid: str) -> bytes:
        """Return what tells the session apart from others that have its SID later."""
        origin = self.fields.get(ORIGIN)
        named = origin if isinstance(origin, bytes) else identity(sid, self.created)
        return b"%d %b" % (self.created, named)

    def with_timeout(self, timeout: int) -> Facts:
        """Return the same facts but for the timeout."""
        return Facts({**self.fields, TIMEOUT: timeout})


def identity(sid: str, created: int) -> bytes:
    """Return what tells a session that has not moved yet apart from all others."""
    return blake2b(f"{created} {sid}".encode(), digest_size=8).digest()


def is_content(field: bytes) -> bool:
    """Whether a field of a session holds what was put into it, and is no fact about it."""
    return field[0] in CONTENT


class Moving(Exception):
    """The session is between two homes, and the process that moved it may be gone."""

    def __init__(self, how: bytes) -> None:
        direction, self.ticket, self.other = how.decode().split(" ", 2)
        self.arriving = direction == "<"


class Due(SessionEnded):
    """The time of the session is over, and nobody has ended it yet."""


class Forgotten(LeaseLost):
    """The opening is of too long ago to tell whether it was cut off or has closed."""


class Unstaged(StoreUnavailable):
    """What was written to be named by this call was gone; so it was refused."""


class NotArrived(Exception):
    """The session is on its way here; while its mover holds it, it is still where it comes from."""


class Seat(NamedTuple):
    """A seat in this pool is demanded first; `evict` says what happens if it has none.

    `terms` are shown together with its ticket.
    """

    pool: str
    evict: bool
    terms: str


class Crowded(NamedTuple):
    """An owner may have room, but it takes more than one call to see to that."""

    limit: int
    evict: bool


def all_fields(found: Sequence[bytes]) -> dict[bytes, bytes]:
    """Read the fields of a session, as HGETALL gives them."""
    pairs = iter(found)
    return dict(zip(pairs, pairs, strict=True))


def named_fields(names: Iterable[bytes], values: Sequence[bytes | None]) -> dict[bytes, bytes]:
    """Read the fields asked for, as HMGET gives them; those that are not there are left out."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def demanded(id: str, reply: Sequence[Any]) -> Seat | Crowded:
    """Return what must be seen to before a session can be made, or raise the refusal."""
    if reply[0] == b"SEAT":
        return Seat(reply[1].decode(), reply[2] == 1, reply[3].decode())
    if reply[0] == b"CROWDED":
        return Crowded(reply[1], reply[2] == 1)
    refuse(id, reply)


def refuse(id: str, reply: Sequence[Any], fence: int = 0) -> NoReturn:
    """Raise what a refusal stands for: a status word, alone or with facts behind it."""
    raise _refusal(id, reply, fence)


def _refusal(id: str, reply: Sequence[Any], fence: int) -> Exception:
    match reply:
        case b"ABSENT":
            return SessionNotFound(id)
        case b"EXISTS":
            return SessionExists(id)
        case [b"OVER" | b"DUE" as how, bytes(reason)]:
            return (Due if how == b"DUE" else SessionEnded)(id, reason=reason.decode())
        case [b"HELD", bytes(holder), int(lease_end), int(waiting)]:
            return SessionInUse(
                id, holder=holder.decode(), until=instant(lease_end), waiting=waiting
            )
        case [b"FULL", int(limit)]:
            return QuotaExceeded("waiters", value=limit)
        case [b"LIMIT", int(limit), *what]:
            return QuotaExceeded(what[0].decode() if what else "owner", value=limit)
        case b"LOST" | b"FORGOTTEN" as how:
            return (Forgotten if how == b"FORGOTTEN" else LeaseLost)(id, fence=fence)
        case [b"TOOBIG", int(size), int(limit)]:
            return ValueTooLarge(id, size=size, limit=limit)
        case [b"CONFLICT", *names]:
            return Conflict(id, fields=tuple(name[1:].decode() for name in names))
        case [b"MOVING", bytes(how)]:
            return Moving(how)
        case b"UNSTAGED":
            return Unstaged(
                f"what was written for session {shown(id)} was gone before it was whole, or another"
                " call has its place; nothing has changed, repeat the call"
            )
        case _:
            status = reply if isinstance(reply, bytes) else reply[0]
            return SessionStoreError(f"unexpected answer of a script: {status!r}")
