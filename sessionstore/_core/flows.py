"""What may take more than one round trip: creating within limits, waiting in line, ending."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from sessionstore._core import admission, sessions, sweeping
from sessionstore._core.fetching import Fetching
from sessionstore._core.keys import Home, Keyspace
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.moves import resolved
from sessionstore._core.operation import Flow, Operation, Wake, each
from sessionstore._core.records import (
    Crowded,
    Due,
    Forgotten,
    Held,
    NotArrived,
    Opened,
    Queued,
    Reading,
    Seat,
)
from sessionstore._core.sessions import Changes, Scope
from sessionstore._ids import shown
from sessionstore.errors import (
    LeaseLost,
    SessionEnded,
    SessionNotFound,
    SessionStoreError,
    StoreUnavailable,
)

__all__ = [
    "RECHECK",
    "close",
    "create",
    "delete",
    "merge",
    "open_session",
    "read",
    "renew",
    "rest",
    "save",
    "touch",
    "visit",
]

T = TypeVar("T")

WantsAll = Callable[[Mapping[bytes, bytes]], bool]
"""Tells of the fields that were asked for whether all others are needed as well."""


def never(_fields: Mapping[bytes, bytes]) -> bool:
    """Return that the fields asked for are all that is needed."""
    return False


RECHECK = 1000
"""When a waiter looks by itself at the latest, in ms.

It is woken by the close that hands it the session, and looks by itself when the lease of the
holder that it knows of ends. To look is also to give a sign of life: who has not for 2 s (see
is_alive.lua) is passed over. It helps against a neighbour in the line that died in the very moment
of its turn, too, and a server that has lost the line in a failover.
"""


def create(
    keys: Keyspace,
    home: Home,
    label: str,
    owner: str,
    *,
    timeout_ms: int | None,
    lifetime_ms: int | None,
    opened: bool,
    written: Mapping[bytes, bytes],
) -> Flow[Opened]:
    """Make a session, with a seat if the store limits its kind."""
    ticket = new_ticket()

    def make(seat: str) -> Operation[Opened | Seat | Crowded]:
        return sessions.create(
            home, ticket, label, owner, timeout_ms=timeout_ms, lifetime_ms=lifetime_ms,
            opened=opened, seat=seat, written=written,
        )  # fmt: skip

    taken: list[admission.Taken] = []
    try:
        return (yield from admission.let_in(keys, home, owner, make, taken=taken))
    except (SessionStoreError, GeneratorExit):
        raise  # refused; or out of reach, and then time undoes it
    except BaseException:
        with suppress(SessionStoreError):  # its caller was interrupted, and is to learn of that
            yield from sessions.abandon(home, ticket)
            yield from admission.free_unused(keys, taken)
        raise


def open_session(
    keys: Keyspace,
    home: Home,
    label: str,
    scope: Scope,
    *,
    lease_ms: int | None,
    wait_ms: int | None,
    fields: Sequence[str] | None,
    wants_all: WantsAll = never,
    fetching: Fetching | None = None,
) -> Flow[Opened]:
    """Become the holder, in line if need be; whoever stops waiting leaves the line."""
    ticket = new_ticket()
    wait_end: int | None = None
    fetch = fetching.behind(home.session, b"OPEN") if fetching and fields is None else None
    try:
        while True:
            opening = sessions.open_(
                home, ticket, label, scope,
                lease_ms=lease_ms, wait_ms=wait_ms, wait_end=wait_end, fields=fields, fetch=fetch,
            )  # fmt: skip
            answer = yield from _here(keys, home, opening)
            fetch = None  # who asks again has others before it, and would be refused again
            if answer is None:
                continue
            if isinstance(answer, Opened):
                answer.waited = wait_end is not None
                if fields is not None and wants_all(answer.fields):
                    answer.fields |= yield from _rest_or_none(home, ticket, answer.facts.fence)
                return answer
            wait_end = answer.wait_end
            yield Wake(home.wake(ticket), min(answer.look_again, RECHECK))
    except (SessionStoreError, GeneratorExit):
        raise  # refused, so neither held nor queued; or out of reach, and then time undoes it
    except BaseException:
        with suppress(SessionStoreError):
            yield from sessions.abandon(home, ticket)
        raise


def _rest_or_none(home: Home, ticket: str, fence: int) -> Flow[dict[bytes, bytes]]:
    """Return all fields; if they cannot be read, the session is given back."""
    try:
        return (yield from rest(home, fence))
    except SessionStoreError:
        with suppress(SessionStoreError):
            yield from sessions.abandon(home, ticket)
        raise


def rest(home: Home, fence: int) -> Flow[dict[bytes, bytes]]:
    """Return all fields of a session, for its holder, who has loaded some."""
    found = yield from sessions.read(home, sessions.ANY)
    if found.facts.fence != fence:
        raise LeaseLost(home.id, fence=fence)
    return found.fields


def _here(keys: Keyspace, home: Home, operation: Operation[T]) -> Flow[T]:
    """Do an operation on a session; one that is on its way here is not here yet."""
    try:
        return (yield from resolved(keys, home, operation))
    except NotArrived:
        raise SessionNotFound(home.id) from None


def read(
    keys: Keyspace,
    home: Home,
    scope: Scope,
    fields: Sequence[str] | None,
    wants_all: WantsAll = never,
) -> Flow[Reading]:
    """Read a session without opening it."""
    try:
        found = yield from _here(keys, home, sessions.read(home, scope, fields))
    except Due:
        # Reading writes nothing. So that what was seen to have ended stays so, should the clock of
        # the server be put back, it is ended for good.
        yield from _here(keys, home, sessions.touch(home, scope))
        found = yield from _here(keys, home, sessions.read(home, scope, fields))
    if fields is not None and wants_all(found.fields):
        return (yield from _here(keys, home, sessions.read(home, scope)))
    return found


def touch(keys: Keyspace, home: Home, scope: Scope) -> Flow[None]:
    """Count this moment as activity."""
    yield from _here(keys, home, sessions.touch(home, scope))


def visit(
    keys: Keyspace,
    home: Home,
    scope: Scope,
    fields: Sequence[str] | None,
    wants_all: WantsAll = never,
) -> Flow[Reading]:
    """Read a session and count it as activity, written at most ten times in a timeout."""
    found = yield from read(keys, home, scope, fields, wants_all)
    if not found.holder and found.now - found.facts.activity > found.facts.timeout // 10:
        yield from touch(keys, home, scope)
    return found


def save(home: Home, fence: int, sequence: int, changes: Changes) -> Flow[None]:
    """Save what the holder changed; that the lease is lost may be known for sure, or not."""
    saving = sessions.save(home, fence, sequence, changes)
    try:
        yield from saving
    except LeaseLost:
        if not saving.unanswered:
            raise
        # Others may have saved since, and then nothing tells whether this one did before them.
        raise _unknown(home, "save") from None


def _unknown(home: Home, what: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"the lease on session {shown(home.id)} has ended, and it is not known whether the {what}"
        " before that landed; open it again and look",
        unknown=True,
    )


def merge(
    keys: Keyspace,
    home: Home,
    ticket: str,
    which: bytes,
    changes: Changes,
    seen: Mapping[bytes, bytes],
    *,
    while_held: str = "",
) -> Flow[None]:
    """Save what a writer without the session changed, if need be while somebody holds it."""
    merging = sessions.merge(home, ticket, which, changes, seen, while_held=while_held)
    yield from _here(keys, home, merging)


def close(
    keys: Keyspace,
    home: Home,
    fence: int,
    changes: Changes,
    timeout_ms: int | None,
    *,
    again: bool = False,
) -> Flow[None]:
    """Save what the holder changed and give the session back; `again`: the same was sent before."""
    closing = sessions.close(home, fence, changes, timeout_ms)
    try:
        closed = yield from resolved(keys, home, closing)
    except NotArrived:  # it is where it has moved to, once this lease is over
        raise _unknown(home, "close") from None
    except Forgotten:
        if not (again or closing.unanswered):
            raise
        raise _unknown(home, "close") from None
    except (SessionStoreError, GeneratorExit):
        raise
    except BaseException:
        # Cancelled, and perhaps before it was sent: at its end, a loop cancels all there is.
        with suppress(NotArrived, SessionStoreError):
            yield from resolved(keys, home, closing)
        raise
    if closed is None and not (again or closing.unanswered):
        raise LeaseLost(home.id, fence=fence)  # a failover has forgotten this opening
    yield from sweeping.finish_end(keys, home, closed or ())


def delete(
    keys: Keyspace,
    home: Home,
    label: str,
    scope: Scope,
    *,
    ticket: str | None = None,
    fence: int | None = None,
    reason: str = "deleted",
    wait_ms: int = 0,
    which: bytes = b"",
) -> Flow[bool]:
    """End a session; True if it has ended, False if it will when its holder closes it.

    The ticket names the call, should it be repeated. `which` is that of the facts of a session that
    was read; empty: whichever has the id.
    """
    ticket = ticket or new_ticket()
    wait_end: int | None = None
    try:
        while True:
            deleting = sessions.delete(
                home, ticket, label, scope,
                fence=fence, reason=reason, wait_ms=wait_ms, wait_end=wait_end, which=which,
            )  # fmt: skip
            try:
                answer = yield from _here(keys, home, deleting)
            except (SessionEnded, SessionNotFound):
                if wait_end is None:
                    raise
                return True  # it ended while this call was waiting for that
            if answer is None:
                return False
            if not isinstance(answer, Queued):
                yield from sweeping.finish_end(keys, home, answer)
                return True
            wait_end = answer.wait_end
            yield Wake(home.wake(ticket), min(answer.look_again, RECHECK))
    except (SessionStoreError, GeneratorExit):
        raise
    except BaseException:
        with suppress(SessionStoreError):
            yield from sessions.abandon(home, ticket)
        raise


def renew(held: Sequence[Held]) -> Flow[list[int | str | SessionStoreError]]:
    """Lengthen the leases of all sessions that a process holds.

    The answers are in order: when each lease ends, 0 if it is lost, why the session has ended if
    it has, or the error if that could not be found out. A server that does not answer costs only
    the sessions that it has.
    """
    by_bucket: dict[str, list[int]] = {}
    for at, one in enumerate(held):
        by_bucket.setdefault(one.home.bucket.tag, []).append(at)
    groups = [
        places[first : first + 100]
        for places in by_bucket.values()
        for first in range(0, len(places), 100)
    ]
    answers = yield from each([sessions.renew([held[at] for at in group]) for group in groups])
    ends: list[int | str | SessionStoreError] = [0] * len(held)
    for group, answer in zip(groups, answers, strict=True):
        for nth, at in enumerate(group):
            ends[at] = answer if isinstance(answer, SessionStoreError) else answer[nth]
    return ends
