"""The steps by which a session gets another id or owner, and so perhaps another bucket.

    depart   the old home notes where the session is about to go; its holder still holds it
    arrive   the new home is made, within the quotas; nobody can see it yet
    retire   the old home becomes a tombstone: from here on there is only the new one
    admit    the new home can be seen

Whether a move has happened is decided at the new home alone: `arrive` writes it down there, and
`decide`, called by whoever finds a session whose mover is gone, writes down the opposite, and the
first of them wins. So one who finds a half-moved session can always complete the move or undo it,
and a mover that wakes up too late is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from sessionstore._core import seats
from sessionstore._core.buckets import InMotion
from sessionstore._core.jobs.groups import point
from sessionstore._core.keys import Home, Keyspace
from sessionstore._core.layout import FACTS, JOBS, ORIGIN
from sessionstore._core.operation import Flow, Operation
from sessionstore._core.records import (
    Crowded,
    Facts,
    Moving,
    NotArrived,
    Seat,
    demanded,
    identity,
    is_content,
    named_fields,
)
from sessionstore._core.scripts import load
from sessionstore._core.sessions import Changes
from sessionstore.errors import LeaseLost

__all__ = [
    "Retired",
    "admit",
    "arrive",
    "complete_moves",
    "decide",
    "leave",
    "resolve",
    "resolved",
    "retire",
    "stay",
]

T = TypeVar("T")

ARRIVE, DECIDE, RETIRE, STAY, ADMIT = map(load, ("arrive", "decide", "retire", "stay", "admit"))


def resolved(keys: Keyspace, home: Home, operation: Operation[T]) -> Flow[T]:
    """Do an operation on a session; if that is half moved, settle the move first."""
    while True:
        try:
            return (yield from operation)
        except Moving as moving:
            yield from resolve(keys, home, moving)


def resolve(keys: Keyspace, home: Home, moving: Moving) -> Flow[None]:
    """Complete a half-done move, or undo it.

    NotArrived says that it must wait: the mover still holds the session where it comes from.
    """
    other = keys.home(moving.other)
    source, target = (other, home) if moving.arriving else (home, other)
    if not moving.arriving and not (yield from decide(target, moving.ticket)):
        yield from stay(source, moving.ticket)
        return
    retired, _ = yield from leave(keys, source, moving.ticket, None, target)
    if retired is None:
        raise NotArrived
    if retired.seat:
        yield from seats.give_back(keys, source.bucket, retired.seat)


def leave(
    keys: Keyspace, source: Home, ticket: str, fence: int | None, target: Home
) -> Flow[tuple[Retired | None, Facts | None]]:
    """End the old home and let the new one be seen; None and None if somebody holds the old one.

    Its jobs know before that where it is from now on: a home that has ended would end them.
    """
    first: Retired | None = None
    seen: int | None = None
    while True:
        retired = yield from retire(source, ticket, fence, target)
        if isinstance(retired, str):
            yield from point(keys, retired, source, target)
            retired = yield from retire(source, ticket, fence, target, told=True)
        if not isinstance(retired, Retired):
            return None, None
        first = first or retired  # which tells the seat that is free
        facts = yield from admit(target, ticket, retired, seen)
        if not isinstance(facts, int):
            break
        seen = facts
    if retired.jobs and facts is not None:
        yield from point(keys, retired.jobs, target, target, facts.owner)
    return first, facts


def complete_moves(keys: Keyspace, found: Sequence[InMotion]) -> Flow[bool]:
    """Settle the half-done moves that a listing or a sweep came upon; True if there were any."""
    settled = False
    for sid, moving in found:
        with suppress(NotArrived):
            yield from resolve(keys, keys.home(sid), moving)
            settled = True
    return settled


def arrive(
    target: Home,
    ticket: str,
    source: str,
    owner: str,
    facts: Facts,
    changes: Changes,
    *,
    seat: str,
) -> Operation[Seat | Crowded | None]:
    """Make the new home, within the limits."""

    def parse(reply: Sequence[Any]) -> Seat | Crowded | None:
        if reply == b"ARRIVED":
            return None
        if reply == b"DENIED":
            raise LeaseLost(target.id, fence=facts.fence)
        return demanded(target.id, reply)

    given = (
        ticket,
        source,
        owner,
        facts.timeout,
        facts.created,
        "" if facts.ends is None else facts.ends,
        seat,
        int(facts.owner == owner),
        facts.fields.get(ORIGIN) or identity(source, facts.created),
        facts.fields.get(JOBS, b""),
        *_attributes(facts, changes),
    )
    decision = target.bucket.decision(ticket)
    return Operation(ARRIVE, (target.session, target.bucket.parameters, decision), given, parse)


def _attributes(facts: Facts, changes: Changes) -> Iterator[bytes]:
    """Name and value in turn of what is taken along: all that was stored, with the changes."""
    removed = frozenset(changes.removed)
    for field, value in {**facts.fields, **changes.written}.items():
        if is_content(field) and field not in removed and isinstance(value, bytes):
            yield field
            yield value


def decide(target: Home, ticket: str) -> Operation[bool]:
    """Settle whether a move has arrived; if it has not, it never will."""
    decision = target.bucket.decision(ticket)
    return Operation(DECIDE, (decision,), (), lambda reply: bool(reply == b"arrived"))


class Retired(NamedTuple):
    """An old home has ended."""

    reason: str
    """Why to end the new one, too; or empty."""
    seat: str
    """The seat that is free; or empty."""
    jobs: str
    """The group of its jobs; or empty."""
    noted: str
    """1 if it has left so lately that its coming must be noted, too; or empty."""


def retire(
    source: Home, ticket: str, fence: int | None, target: Home, *, told: bool = False
) -> Operation[Retired | str | None]:
    """End the old home; None if somebody holds it, the group of its jobs if they are not `told`."""

    def parse(reply: Sequence[Any]) -> Retired | str | None:
        if reply == b"HELD":
            return None
        if reply[0] == b"JOBS":
            return str(reply[1].decode())
        return Retired(*map(bytes.decode, reply[1:]))

    given = (ticket, "" if fence is None else fence, target.sid, int(told))
    return Operation(RETIRE, (source.session, source.bucket.parameters), given, parse)


def stay(source: Home, ticket: str) -> Operation[None]:
    """Take back the intention to move."""
    return Operation(STAY, (source.session,), (ticket,), lambda _: None)


def admit(
    target: Home, ticket: str, retired: Retired, seen: int | None = None
) -> Operation[Facts | int | None]:
    """Let the new home be seen, or end it if the old one says why; None if it has ended.

    A number says when it was seen to be on its way still: the caller looks at the old home again,
    for it may have left long ago by now, and comes back with that as `seen`.
    """

    def parse(reply: Sequence[Any]) -> Facts | int | None:
        if reply[0] == b"ARRIVING":
            return int(reply[1])
        return Facts(named_fields(FACTS, reply[1])) if reply[0] == b"ADMITTED" else None

    given = (ticket, retired.reason, retired.jobs, retired.noted, "" if seen is None else seen)
    return Operation(ADMIT, (target.session, target.bucket.parameters), given, parse)
