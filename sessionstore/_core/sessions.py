"""Operations on one session: each function says what to send and how to read the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from sessionstore._core.keys import Home
from sessionstore._core.layout import (
    ACTIVITY,
    ATTRIBUTE,
    FACTS,
    HAS_LIFETIMES,
    HOLDER,
    OBJECTS,
    ORIGIN,
)
from sessionstore._core.operation import LONGEST, Arguments, Fetch, Operation, check_length
from sessionstore._core.records import (
    Crowded,
    Held,
    Opened,
    Queued,
    Reading,
    Seat,
    all_fields,
    demanded,
    named_fields,
    refuse,
)
from sessionstore._core.scripts import load
from sessionstore._ids import shown

__all__ = [
    "ANY",
    "ANYBODY",
    "Changes",
    "Scope",
    "abandon",
    "close",
    "create",
    "delete",
    "field_of",
    "merge",
    "open_",
    "read",
    "renew",
    "save",
    "touch",
]

CREATE, OPEN, CLOSE, SAVE, MERGE, ABANDON, TOUCH, DELETE, RENEW, READ = map(
    load,
    ("create", "open", "close", "save", "merge", "abandon", "touch", "delete", "renew", "read"),
)

ANYBODY = "{any}"
"""No owner: no owner has braces."""


class Scope(NamedTuple):
    """Which sessions a call may mean: an owner's (or ANYBODY's), and those a user may know of."""

    owner: str = ANYBODY
    user: str = ""


ANY = Scope()


def field_of(name: str) -> bytes:
    """Return the field that holds an attribute."""
    return ATTRIBUTE + name.encode()


class Changes(NamedTuple):
    """What a save writes: fields with what they hold, and the fields to drop."""

    written: Mapping[bytes, bytes] = {}
    removed: Sequence[bytes] = ()

    def arguments(self, home: Home) -> list[bytes]:
        """Return what a script gets; ValueTooLarge if a server would not take that at once."""
        given: list[bytes] = []
        for pair in self.written.items():
            given += pair
        given += self.removed
        if (length := sum(map(len, given))) > LONGEST:
            check_length(home.id, length, f"session {shown(home.id)}, in what is written at once,")
        return given


def create(
    home: Home,
    ticket: str,
    label: str,
    owner: str,
    *,
    timeout_ms: int | None,
    lifetime_ms: int | None,
    opened: bool,
    seat: str,
    written: Mapping[bytes, bytes],
) -> Operation[Opened | Seat | Crowded]:
    """Make a session; with `opened` the caller holds it."""

    def parse(reply: Sequence[Any]) -> Opened | Seat | Crowded:
        if reply[0] == b"OPEN":
            fields = named_fields(FACTS, reply[3])
            return Opened(home, {**fields, **written}, reply[1], reply[2])
        return demanded(home.id, reply)

    given = (
        ticket,
        label,
        owner,
        _optional(timeout_ms),
        _optional(lifetime_ms),
        int(opened),
        seat,
        *Changes(written).arguments(home),
    )
    keys = (home.session, home.bucket.parameters, home.bucket.creates)
    return Operation(CREATE, keys, given, parse)


def open_(
    home: Home,
    ticket: str,
    label: str,
    scope: Scope,
    *,
    lease_ms: int | None,
    wait_ms: int | None,
    wait_end: int | None,
    fields: Sequence[str] | None,
    fetch: Fetch | None = None,
) -> Operation[Opened | Queued | None]:
    """Become the holder, or take a place in the line.

    None: what was fetched is not of this opening; ask again.
    """

    def parse(reply: Sequence[Any]) -> Opened | Queued | None:
        if reply[0] == b"OPEN":
            found = _fields(fields, reply[3])
            if fetch is not None and found.get(HOLDER, b"")[14:30] != ticket.encode():
                return None
            return Opened(home, found, reply[1], reply[2])
        if reply[0] == b"QUEUED":
            return Queued(reply[1], reply[2])
        refuse(home.id, reply)

    given = (
        ticket,
        label,
        _optional(lease_ms),
        _optional(wait_ms),
        _optional(wait_end),
        *scope,
        *(_names(fields) if fetch is None else ("",)),
    )
    return Operation(OPEN, _keys(home), given, parse, fetch=fetch)


def read(home: Home, scope: Scope, fields: Sequence[str] | None = None) -> Operation[Reading]:
    """Read a session without opening it."""

    def parse(reply: Sequence[Any]) -> Reading:
        if reply[0] != b"READ":
            refuse(home.id, reply)
        _, now, activity, deadline, holder, lease_end, found = reply
        read = _fields(fields, found)
        read[ACTIVITY] = b"%d" % activity  # a lapsed lease counts, though nobody wrote it down yet
        return Reading(home, read, now, deadline, holder.decode(), lease_end)

    keys = (home.session, home.bucket.parameters)
    return Operation(READ, keys, (*scope, *_names(fields)), parse)


def close(
    home: Home, fence: int, changes: Changes, timeout_ms: int | None = None
) -> Operation[Sequence[bytes] | None]:
    """Save and give back; None if it has been given back before, should this have asked before.

    The answer is what its end has left to be done elsewhere, if it was to end then.
    """

    def parse(reply: Sequence[Any]) -> Sequence[bytes] | None:
        if reply == b"CLOSED":
            return ()
        if reply[0] == b"ENDED":
            return reply[1:]
        if reply != b"GIVEN":
            refuse(home.id, reply, fence)
        return None

    given = (fence, _optional(timeout_ms), len(changes.written), *changes.arguments(home))
    return Operation(CLOSE, _keys(home), given, parse)


def save(
    home: Home, fence: int, sequence: int, changes: Changes, moving: str = ""
) -> Operation[dict[bytes, bytes] | None]:
    """Save and go on; with `moving`, answer with all there is to take along, or None if deleted."""

    def parse(reply: Sequence[Any]) -> dict[bytes, bytes] | None:
        if reply in (b"SAVED", b"PENDING"):
            return None
        if reply[0] != b"SAVED":
            refuse(home.id, reply, fence)
        return all_fields(reply[1])

    given: Arguments = (fence, sequence, moving, len(changes.written), *changes.arguments(home))
    return Operation(SAVE, _keys(home), given, parse)


def merge(
    home: Home,
    ticket: str,
    which: bytes,
    changes: Changes,
    seen: Mapping[bytes, bytes],
    *,
    while_held: str,
) -> Operation[None]:
    """Save what a writer without the session changed, if nobody else changed the same.

    `which` is that of the facts that were read. `while_held` is a fence: also while that one holds
    it; or `any`.
    """
    were = (seen.get(field, b"") for field in chain(changes.written, changes.removed))
    count = len(changes.written)
    given: Arguments = (which, while_held, count, *changes.arguments(home), *were)
    keys = (*_keys(home), home.receipt(ticket))
    return Operation(MERGE, keys, given, _expect(home, b"SAVED"))


def abandon(home: Home, ticket: str) -> Operation[None]:
    """Leave the line, or give back what was granted to a ticket whose caller has gone."""
    keys = (home.session, home.waiters, home.wake(ticket), home.bucket.parameters)
    return Operation(ABANDON, keys, (ticket,), _expect(home, b"ABANDONED"))


def touch(home: Home, scope: Scope) -> Operation[None]:
    """Count this moment as activity."""
    return Operation(TOUCH, _keys(home), tuple(scope), _expect(home, b"TOUCHED"))


def delete(
    home: Home,
    ticket: str,
    label: str,
    scope: Scope,
    *,
    fence: int | None = None,
    reason: str = "deleted",
    wait_ms: int = 0,
    wait_end: int | None = None,
    which: bytes = b"",
) -> Operation[Sequence[bytes] | Queued | None]:
    """End a session, or take a place in the line for its end.

    The answer is what its end has left to be done elsewhere, or None: it ends when it is closed.
    """

    def parse(reply: Sequence[Any]) -> Sequence[bytes] | Queued | None:
        if reply[0] == b"QUEUED":
            return Queued(reply[1], reply[2])
        if reply[0] == b"ENDED":
            return reply[1:]
        if reply == b"PENDING":
            return None
        refuse(home.id, reply, fence or 0)

    given = (ticket, label, _optional(fence), reason, wait_ms, _optional(wait_end), *scope, which)
    return Operation(DELETE, _keys(home), given, parse)


def renew(held: Sequence[Held]) -> Operation[list[int | str]]:
    """Lengthen leases of sessions of one bucket.

    The answer is when each lease ends now; 0 means that it is lost, a text why the session ended.
    """

    def parse(reply: Sequence[Any]) -> list[int | str]:
        return [end.decode() if isinstance(end, bytes) else end for end in reply]

    keys = (held[0].home.bucket.parameters, *(one.home.session for one in held))
    leases = chain.from_iterable((one.fence, _optional(one.asked), one.told) for one in held)
    return Operation(RENEW, keys, tuple(leases), parse)


def _keys(home: Home) -> tuple[str, ...]:
    return (home.session, home.waiters, home.bucket.parameters)


def _optional(number: int | None) -> int | str:
    return "" if number is None else number


def _names(fields: Sequence[str] | None) -> tuple[bytes, ...]:
    return (
        () if fields is None else (*FACTS, OBJECTS, HAS_LIFETIMES, ORIGIN, *map(field_of, fields))
    )


def _fields(names: Sequence[str] | None, found: Sequence[Any]) -> dict[bytes, bytes]:
    return all_fields(found) if names is None else named_fields(_names(names), found)


def _expect(home: Home, status: bytes, fence: int = 0) -> Any:
    def parse(reply: Sequence[Any]) -> None:
        if reply != status:
            refuse(home.id, reply, fence)

    return parse
