"""Seats: one in the pool of its kind for each session, while the store limits that kind.

The pool is one key, so its size is exact. A seat belongs to the call that takes it: its name is
the SID and a ticket of its own, and the session that the call makes notes the ticket. So two
calls for one name never share a seat, and a seat is in use if its session has its ticket.

The script that ends a session notes the seat that becomes free in the bucket, and it is given back
from there. Whether a seat is in use of which no session is known, is decided where its session
would be: `deny` says so there, and then no session comes with it any more.

A session that moves within a pool has two seats for a while, and one place: the new one stands in
for the old one, and counts once that is free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from sessionstore._core.keys import PUBLIC, Bucket, Home, Keyspace, Pool
from sessionstore._core.operation import Flow, Operation, batch
from sessionstore._core.scripts import load

__all__ = [
    "PAGE",
    "Full",
    "Sight",
    "assign",
    "check",
    "deny",
    "evict",
    "forget_ended",
    "free",
    "front",
    "give_back",
    "limit",
    "name_of",
    "noted",
    "pool_of",
    "review",
    "scan",
    "see",
    "sid_of",
    "take",
]

TAKE_SEAT, REVIEW_SEATS, PAGE_OF_SEATS, SCAN_SEATS, LIMIT_SEATS = map(
    load, ("take_seat", "review_seats", "page_of_seats", "scan_seats", "limit_seats")
)
SEE_SEAT, DENY_SEAT, ASSIGN_SEAT, FORGET_ENDED, EVICT = map(
    load, ("see_seat", "deny_seat", "assign_seat", "forget_ended", "evict")
)
PAGE = 500
"""So many seats are named in one call."""


class Full(NamedTuple):
    """The pool has no seat; `doubtful` ones were taken long ago and never seen in use."""

    limit: int
    doubtful: list[str]


class Front(NamedTuple):
    """Seats by the activity that the pool knows, and how many have to go so that one is free."""

    excess: int
    seats: list[tuple[str, int]]


class Sight(NamedTuple):
    """The last activity of the session of a seat; one that is held is active now."""

    activity: int
    held: bool = False
    ended: bool = False
    """Its session has ended, and it is to be given back."""
    moving: bytes = b""
    """Nobody holds its session, which is on the move: how."""


def pool_of(owner: str) -> str:
    """Return the name of the pool that counts an owner's sessions."""
    return "public" if owner == PUBLIC else "private"


def name_of(sid: str, ticket: str) -> str:
    """Return the name of a seat."""
    return f"{sid} {ticket}"


def noted(pool: Pool, seat: str) -> str:
    """Return how a bucket notes that a seat is to be given back."""
    return f"{pool.name} {seat}"


def sid_of(seat: str) -> str:
    """Return the SID of the session that has a seat, or would have."""
    return seat.rpartition(" ")[0]


def take(
    pool: Pool, seat: str, *, force: bool = False, instead: str = ""
) -> Operation[Full | None]:
    """Take a seat; with `force` also past the limit, or `instead` of one that is given up soon."""

    def parse(reply: Sequence[Any]) -> Full | None:
        if reply == b"TAKEN":
            return None
        _, limit, *doubtful = reply
        return Full(limit, [seat.decode() for seat in doubtful])

    given = (seat, int(force), instead)
    return Operation(TAKE_SEAT, (pool.seats, pool.fresh, pool.limit, pool.moves), given, parse)


def see(keys: Keyspace, pool: Pool, seat: str) -> Operation[Sight | None]:
    """Look whether a seat is in use; None: it was not yet."""
    home, ticket = keys.home(sid_of(seat)), seat.rpartition(" ")[2]

    def parse(reply: Sequence[Any]) -> Sight | None:
        match reply:
            case [b"USED", activity, held]:
                return Sight(activity, held=held == 1)
            case [b"MOVING", how]:
                return Sight(0, moving=how)
            case b"ENDED":
                return Sight(0, ended=True)
            case _:
                return None

    asked = (home.session, home.bucket.parameters, home.bucket.ended)
    return Operation(SEE_SEAT, asked, (ticket, noted(pool, seat)), parse)


def deny(keys: Keyspace, seat: str) -> Operation[int | None]:
    """See that no session will come with a seat: None; if one has, answers its last activity."""
    home, ticket = keys.home(sid_of(seat)), seat.rpartition(" ")[2]
    asked = (home.session, home.bucket.parameters, home.bucket.decision(ticket))
    return Operation(
        DENY_SEAT, asked, (ticket,), lambda reply: reply[1] if reply[0] == b"USED" else None
    )


def review(pool: Pool, findings: Mapping[str, int | None]) -> Flow[None]:
    """Enter the last activity of the sessions of seats; None frees a seat."""
    entries = list(findings.items())
    yield from batch(
        [_review(pool, entries[at : at + PAGE]) for at in range(0, len(entries), PAGE)]
    )


def _review(pool: Pool, entries: Sequence[tuple[str, int | None]]) -> Operation[int]:
    given = chain.from_iterable(
        (seat, "" if activity is None else activity) for seat, activity in entries
    )
    return Operation(
        REVIEW_SEATS,
        (pool.seats, pool.fresh, pool.moves),
        tuple(given),
        lambda reply: int(reply[0]),
    )


def free(pool: Pool, names: Sequence[str]) -> Flow[None]:
    """Free the seats of sessions that have ended."""
    yield from review(pool, dict.fromkeys(names))


def check(keys: Keyspace, pool: Pool, names: Sequence[str]) -> Flow[None]:
    """Look at seats: those that are not in use are denied and freed."""
    found = yield from batch([deny(keys, seat) for seat in names])
    yield from review(pool, dict(zip(names, found, strict=True)))


def front(pool: Pool, width: int) -> Flow[Front]:
    """Return seats, those with the least activity as the pool knows it first, and that."""
    pages = yield from batch(
        [_page(pool, at, min(PAGE, width - at)) for at in range(0, width, PAGE)]
    )
    return Front(pages[0].excess, [seat for page in pages for seat in page.seats])


def _page(pool: Pool, first: int, count: int) -> Operation[Front]:
    def parse(reply: Sequence[Any]) -> Front:
        excess, *found = reply
        names = (seat.decode() for seat in found[::2])
        return Front(excess, list(zip(names, map(int, found[1::2]), strict=True)))

    return Operation(PAGE_OF_SEATS, (pool.seats, pool.limit), (first, count), parse)


def scan(pool: Pool, cursor: bytes) -> Operation[tuple[bytes, list[str]]]:
    """Read a page of all seats, in no order; the next cursor comes first."""

    def parse(reply: Sequence[bytes]) -> tuple[bytes, list[str]]:
        return reply[0], [seat.decode() for seat in reply[1:]]

    return Operation(SCAN_SEATS, (pool.seats,), (cursor,), parse)


def assign(home: Home, pool: Pool, ticket: str) -> Operation[str]:
    """Give a session that a pool counts the ticket of a seat; answers the one that it has.

    That is empty if there is no such session, or another pool counts it.
    """
    given = (ticket, pool.name)
    return Operation(ASSIGN_SEAT, (home.session,), given, lambda reply: str(reply[0].decode()))


def limit(pool: Pool, version: int, since: str, value: str) -> Operation[int]:
    """Open a pool, set its limit (empty: as it is), or close it (`since` empty).

    Answers the version of the parameters that it knows then; a higher one has not been changed.
    """
    return Operation(
        LIMIT_SEATS,
        (pool.seats, pool.fresh, pool.limit, pool.moves),
        (version, since, value),
        lambda reply: int(reply[0]),
    )


def give_back(keys: Keyspace, bucket: Bucket, member: str) -> Flow[None]:
    """Free the seat of a session that has just ended, as its bucket has noted it."""
    pool, _, seat = member.partition(" ")
    yield from free(keys.pool(pool), [seat])
    yield from forget_ended(bucket, [member.encode()])


def forget_ended(bucket: Bucket, members: Sequence[bytes]) -> Operation[int]:
    """Strike out what a bucket noted as ended, once the seats are free."""
    return Operation(FORGET_ENDED, (bucket.ended,), tuple(members), lambda reply: int(reply[0]))


def evict(home: Home, activity: int) -> Operation[bool]:
    """End a session that nobody holds and that was not active since; False if it was."""
    return Operation(
        EVICT,
        (home.session, home.bucket.parameters),
        (activity,),
        lambda reply: bool(reply == b"EVICTED"),
    )
