"""Seats: one in the pool of its kind for each session, while the store limits that kind.

The pool is one key, so its size is exact. A session that ends is noted in its bucket by the
script that ends it, and its seat is given back from there. A seat taken by a client that died
before it created the session is told apart by a look at the session.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from sessionstore._core.keys import PUBLIC, Bucket, Home, Pool
from sessionstore._core.operation import Operation
from sessionstore._core.scripts import load

__all__ = ["Full", "evict", "forget_ended", "known", "limit", "oldest", "pool_of", "review", "take"]

TAKE_SEAT, KNOWN_SEATS, REVIEW_SEATS, OLDEST_SEATS, LIMIT_SEATS = map(
    load, ("take_seat", "known_seats", "review_seats", "oldest_seats", "limit_seats")
)
FORGET_ENDED, EVICT = map(load, ("forget_ended", "evict"))
PAGE = 50


class Full(Exception):
    """The pool has no seat; `doubtful` are SIDs that took one and may never have been created."""

    def __init__(self, limit: int, doubtful: list[str]) -> None:
        self.limit = limit
        self.doubtful = doubtful


def pool_of(owner: str) -> str:
    """Return the name of the pool that counts an owner's sessions."""
    return "public" if owner == PUBLIC else "private"


def take(pool: Pool, sid: str, *, force: bool) -> Operation[Full | None]:
    """Take a seat; with `force` also past the limit."""

    def parse(reply: Sequence[bytes | int]) -> Full | None:
        if reply[0] == b"TAKEN":
            return None
        _, limit, *doubtful = reply
        return Full(int(limit), [sid.decode() for sid in doubtful if isinstance(sid, bytes)])

    return Operation(TAKE_SEAT, (pool.seats, pool.fresh, pool.limit), (sid, int(force)), parse)


def known(pool: Pool, sids: Sequence[str]) -> Operation[list[int | None]]:
    """Return the last activity of sessions as the pool knows it; None for one without a seat."""
    return Operation(
        KNOWN_SEATS,
        (pool.seats,),
        tuple(sids),
        lambda reply: [int(activity) if activity else None for activity in reply],
    )


def review(pool: Pool, findings: Sequence[tuple[str, int, int | None]]) -> Operation[int]:
    """Enter (SID, activity as known before, activity as found) of seats; None frees the seat.

    A seat that was taken anew meanwhile is left alone. The answer is how many were freed.
    """
    given = chain.from_iterable(
        (sid, known, "" if found is None else found) for sid, known, found in findings
    )
    return Operation(
        REVIEW_SEATS, (pool.seats, pool.fresh), tuple(given), lambda reply: int(reply[0])
    )


def oldest(pool: Pool) -> Operation[list[tuple[str, int]]]:
    """Return the seats with the least activity as the pool knows it, and that."""

    def parse(reply: Sequence[bytes]) -> list[tuple[str, int]]:
        pairs = iter(reply)
        return [(sid.decode(), int(activity)) for sid, activity in zip(pairs, pairs, strict=True)]

    return Operation(OLDEST_SEATS, (pool.seats,), (PAGE,), parse)


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
