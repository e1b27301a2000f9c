"""What the scripts answer, as values: the facts of a session, and the errors a reply stands for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from sessionstore.errors import (
    Conflict,
    LeaseLost,
    QuotaExceeded,
    SessionEnded,
    SessionExists,
    SessionInUse,
    SessionNotFound,
    SessionStoreError,
    ValueTooLarge,
)

__all__ = ["FACTS", "Facts", "Moving", "facts_and_values", "instant", "named_facts", "refuse"]

FACTS = ("f", "o", "t", "c", "a", "l")
"""Fields of a session that describe it; all attributes are fields that begin with a dot."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(milliseconds: int) -> datetime:
    """Return a time of Redis as an aware datetime in UTC."""
    return EPOCH + timedelta(milliseconds=milliseconds)


@dataclass(slots=True, eq=False)
class Facts:
    """The facts of a session, as stored: times and durations in milliseconds."""

    fence: int
    owner: str
    timeout: int
    created: int
    activity: int
    ends: int | None


class Moving(Exception):
    """The session is between two homes, and the process that moved it may be gone."""

    def __init__(self, how: bytes) -> None:
        direction, self.ticket, self.other = how.decode().split(" ", 2)
        self.arriving = direction == "<"


def facts_and_values(fields: Sequence[bytes]) -> tuple[Facts, dict[str, bytes]]:
    """Read all fields of a session, as HGETALL gives them."""
    pairs = iter(fields)
    stored = dict(zip(pairs, pairs, strict=True))
    facts = Facts(
        int(stored[b"f"]),
        stored.get(b"o", b"").decode(),
        int(stored[b"t"]),
        int(stored[b"c"]),
        int(stored[b"a"]),
        int(stored[b"l"]) if b"l" in stored else None,
    )
    # 46 is the dot that begins the field of an attribute.
    return facts, {name[1:].decode(): raw for name, raw in stored.items() if name[0] == 46}


def named_facts(values: Sequence[bytes | None]) -> Facts:
    """Read the facts from the values of the fields FACTS, in that order."""
    fence, owner, timeout, created, activity, ends = values[:6]
    return Facts(
        int(fence or 0),
        (owner or b"").decode(),
        int(timeout or 0),
        int(created or 0),
        int(activity or 0),
        int(ends) if ends else None,
    )


def named_values(names: Iterable[str], values: Sequence[bytes | None]) -> dict[str, bytes]:
    """Read the attributes asked for by name; those that the session does not have are left out."""
    return {name: raw for name, raw in zip(names, values[6:], strict=True) if raw is not None}


def refuse(id: str, reply: Sequence[Any], fence: int = 0) -> NoReturn:
    """Raise what a refusal stands for; the first item of a reply is its status."""
    raise _refusal(id, reply, fence)


def _refusal(id: str, reply: Sequence[Any], fence: int) -> Exception:
    match reply:
        case [b"ABSENT"]:
            return SessionNotFound(id)
        case [b"EXISTS"]:
            return SessionExists(id)
        case [b"OVER", bytes(reason)]:
            return SessionEnded(id, reason=reason.decode())
        case [b"HELD", bytes(holder), int(lease_end), int(waiting)]:
            return SessionInUse(
                id, holder=holder.decode(), until=instant(lease_end), waiting=waiting
            )
        case [b"FULL", int(limit)]:
            return QuotaExceeded("waiters", value=limit)
        case [b"LIMIT", int(limit)]:
            return QuotaExceeded("owner", value=limit)
        case [b"LOST"]:
            return LeaseLost(id, fence=fence)
        case [b"TOOBIG", int(size), int(limit)]:
            return ValueTooLarge(id, size=size, limit=limit)
        case [b"CONFLICT", *names]:
            return Conflict(id, fields=tuple(name[1:].decode() for name in names))
        case [b"MOVING", bytes(how)]:
            return Moving(how)
        case _:
            return SessionStoreError(f"unexpected answer of a script: {reply[0]!r}")
