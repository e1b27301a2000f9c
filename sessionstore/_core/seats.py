"""Seats: one in the pool of its kind for each session, while the store limits that kind.

The pool is one key, so its size is exact. A seat belongs to the call that takes it: its name is
the SID and the ticket of the call, and the session that the call makes notes the ticket. So two
calls for one name never share a seat, and a seat is in use if its session has its ticket. The
script that ends a session notes the seat that becomes free in the bucket, and it is given back
from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from sessionstore._core.keys import PUBLIC, Bucket, Home, Pool
from sessionstore._core.operation import Operation
from sessionstore._core.scripts import load

__all__ = ["PAGE", "Full", "assign", "evict", "forget_ended", "limit", "name_of", "page", "pool_of"]

TAKE_SEAT, REVIEW_SEATS, PAGE_OF_SEATS, LIMIT_SEATS, ASSIGN_SEAT = map(
    load, ("take_seat", "review_seats", "page_of_seats", "limit_seats", "assign_seat")
)
FORGET_ENDED, EVICT = map(load, ("forget_ended", "evict"))
PAGE = 50


class Full(NamedTuple):
    """The pool has no seat; `doubtful` ones were taken long ago and never seen in use."""

    limit: int
    doubtful: list[str]


def pool_of(owner: str) -> str:
    """Return the name of the pool that counts an owner's sessions."""
    return "public" if owner == PUBLIC else "private"


def name_of(sid: str, ticket: str) -> str:
    """Return the name of a seat."""
    return f"{sid} {ticket}"


def take(pool: Pool, seat: str, *, force: bool) -> Operation[Full | None]:
    """Take a seat; with `force` also past the limit."""

    def parse(reply: Sequence[bytes | int]) -> Full | None:
        if reply[0] == b"TAKEN":
            return None
        _, limit, *doubtful = reply
        return Full(int(limit), [seat.decode() for seat in doubtful if isinstance(seat, bytes)])

    return Operation(TAKE_SEAT, (pool.seats, pool.fresh, pool.limit), (seat, int(force)), parse)


def review(
    pool: Pool, findings: Mapping[str, int | None], *, sparing: bool = False
) -> Operation[int]:
    """Enter the last activity of the sessions of seats; None frees a seat. Answers how many.

    With `sparing` a seat that was taken a moment ago is not freed: its session may be about to
    be created.
    """
    given = chain.from_iterable(
        (seat, "" if activity is None else activity) for seat, activity in findings.items()
    )
    return Operation(
        REVIEW_SEATS,
        (pool.seats, pool.fresh),
        (int(sparing), *given),
        lambda reply: int(reply[0]),
    )


def page(pool: Pool, first: int) -> Operation[list[tuple[str, int]]]:
    """Return some seats, those with the least activity as the pool knows it first, and that."""

    def parse(reply: Sequence[bytes]) -> list[tuple[str, int]]:
        pairs = iter(reply)
        return [(seat.decode(), int(activity)) for seat, activity in zip(pairs, pairs, strict=True)]

    return Operation(PAGE_OF_SEATS, (pool.seats,), (first, PAGE), parse)


def assign(home: Home, ticket: str) -> Operation[str]:
    """Give a session that is there the ticket of a seat; answers the one it has, empty if gone."""
    return Operation(ASSIGN_SEAT, (home.session,), (ticket,), lambda reply: str(reply[0].decode()))


def limit(pool: Pool, value: int | None) -> Operation[None]:
    """Set the limit of a pool; None closes it."""
    given = ("" if value is None else value,)
    return Operation(LIMIT_SEATS, (pool.seats, pool.fresh, pool.limit), given, lambda _: None)


def forget_ended(bucket: Bucket, members: Sequence[bytes]) -> Operation[int]:
    """Strike out what a bucket noted as ended, once the seats are free."""
    return Operation(FORGET_ENDED, (bucket.ended,), tuple(members), lambda reply: int(reply[0]))


def evict(home: Home, activity: int) -> Operation[bool]:
    """End a session that nobody holds and that was not active since; False if it was."""
    return Operation(
        EVICT,
        (home.session, home.bucket.parameters),
        (activity,),
        lambda reply: reply[0] == b"EVICTED",
    )
