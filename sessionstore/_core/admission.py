"""Letting sessions in, within the limits: of one owner, and of all private and all public ones.

A script decides, and says what is missing: a seat in the pool of its kind, or room among more
sessions of an owner than one call looks at. A flow sees to that, and asks the script again.

The limit of all is never passed, because a seat is taken before the session is created. And no
newcomer is refused while an ended session has a seat, because before that everything that is due
is swept, and every seat that may never have been used is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from operator import itemgetter
from typing import NamedTuple, TypeVar

from sessionstore._core import buckets, moves, seats
from sessionstore._core.buckets import InMotion
from sessionstore._core.keys import Bucket, Home, Keyspace, Pool
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.operation import Flow, Operation, batch
from sessionstore._core.records import Crowded, Moving, NotArrived, Seat
from sessionstore._core.seats import Sight
from sessionstore._core.sweeping import end_all_that_is_over, finish_ends
from sessionstore.errors import (
    QuotaExceeded,
    SessionExists,
    SessionStoreError,
    StoreUnavailable,
)

__all__ = ["Taken", "free_unused", "let_in"]

T = TypeVar("T")

WIDTH = 50
"""How many seats are looked at, and more than have to become free if those are not enough."""

ROUNDS = 50
"""How often seats are looked at again whose sessions are being made."""


class Taken(NamedTuple):
    """A seat that a call has taken, and what it shows of it where the session is made."""

    pool: Pool
    name: str
    shown: str


def let_in(
    keys: Keyspace,
    home: Home,
    owner: str,
    make: Callable[[str], Operation[T | Seat | Crowded]],
    *,
    taken: list[Taken],
    leaves: tuple[str, str] = ("", ""),
) -> Flow[T]:
    """Do what makes a session, given a seat, once there is one and room for it.

    `leaves` is a pool, and the seat that the session gives up there when it has moved: in this
    pool it needs no other place than that. Seats that are taken on the way are put into `taken`:
    if this breaks off, they are looked at with `free_unused`, once no session can come with them.
    """
    seat: Taken | None = None
    try:
        while True:
            making = make(seat.shown if seat else "")
            try:
                answer = yield from moves.resolved(keys, home, making)
            except NotArrived:
                raise SessionExists(home.id) from None
            if isinstance(answer, Crowded):
                yield from _make_room(keys, home.bucket, owner, answer)
            elif isinstance(answer, Seat):
                if seat:
                    yield from seats.check(keys, seat.pool, [seat.name])
                instead = leaves[1] if answer.pool == leaves[0] else ""
                seat = _seat_for(keys, answer, home)
                taken.append(seat)
                yield from _take(keys, answer, seat, instead)
            else:
                return answer
    except StoreUnavailable:
        raise  # a look at the seat undoes it
    except SessionStoreError:
        yield from free_unused(keys, taken)
        raise


def free_unused(keys: Keyspace, taken: Sequence[Taken]) -> Flow[None]:
    """Free seats that a call has taken, but for one that its session has."""
    for seat in taken:
        yield from seats.check(keys, seat.pool, [seat.name])


def _seat_for(keys: Keyspace, demand: Seat, home: Home) -> Taken:
    ticket = new_ticket()
    terms = f"{ticket} {demand.terms}"
    return Taken(keys.pool(demand.pool), seats.name_of(home.sid, ticket), terms)


def _make_room(keys: Keyspace, bucket: Bucket, owner: str, crowd: Crowded) -> Flow[None]:
    """Make room among all sessions of an owner; QuotaExceeded if there is none."""
    cursor, size = b"", 0
    idle: dict[str, int] = {}
    moving: list[InMotion] = []
    while cursor != b"0":
        page = yield from buckets.review_owned(bucket, owner, cursor or b"0")
        cursor, size = page.cursor, page.size
        idle |= page.idle
        moving += page.moving
    if (yield from moves.complete_moves(keys, moving)):
        return  # that may have made room
    if size >= crowd.limit and not (crowd.evict and len(idle) > size - crowd.limit):
        raise QuotaExceeded("owner", value=crowd.limit)
    victims = sorted(idle.items(), key=itemgetter(1))
    while size >= crowd.limit and victims:
        some, victims = victims[: seats.PAGE], victims[seats.PAGE :]
        size = yield from buckets.evict_owned(bucket, owner, crowd.limit, some)


def _take(keys: Keyspace, demand: Seat, seat: Taken, instead: str) -> Flow[None]:
    """Take a seat for a session to be; QuotaExceeded if there is none and none can be freed."""
    pool, swept = seat.pool, False
    taking = seats.take(pool, seat.name, force=instead != "", instead=instead)
    while full := (yield from taking):
        if not swept:
            yield from end_all_that_is_over(keys)
            swept = True
        elif full.doubtful:
            yield from seats.check(keys, pool, full.doubtful)
        elif not demand.evict or not (yield from _evict(keys, pool)):
            raise QuotaExceeded(demand.pool, value=full.limit)


def _evict(keys: Keyspace, pool: Pool) -> Flow[bool]:
    """Evict the least recently active sessions that nobody holds; False, and none, if too few.

    The pool orders its seats by an activity that may be out of date, but is never too new. So
    what is idle among the first of them, and not more recently active than the pool knows of the
    last of these, has been idle for longest. What is not in order comes to its place by being
    looked at. Whoever evicts at the same time chooses the same ones.
    """
    seen: dict[str, Sight] = {}
    width, rounds = WIDTH, 0
    while rounds < ROUNDS:
        front = yield from seats.front(pool, width)
        if front.excess <= 0:
            return True
        # By name: which is asked first does not depend on who was first by a millisecond.
        new = sorted(seat for seat, _ in front.seats if seat not in seen)
        learnt = yield from _look(keys, pool, new)
        if any(sight.ended for sight in learnt.values()):
            return True
        if (yield from moves.complete_moves(keys, _in_motion(learnt))):
            continue
        seen |= learnt
        all_of_them = len(front.seats) < width
        last = inf if all_of_them else front.seats[-1][1]
        there = {seat: seen[seat] for seat, _ in front.seats if seat in seen}
        idle = sorted(
            (sight.activity, seat)
            for seat, sight in there.items()
            if not sight.held and not sight.moving and sight.activity <= last
        )
        if len(idle) >= front.excess:
            if (yield from _end(keys, pool, idle[: front.excess])):
                return True
            seen.clear()  # they have become active since they were looked at
            rounds += 1
        elif learnt:
            pass  # they are in order now: others may have come to the front
        elif not all_of_them:
            width = max(2 * width, front.excess + WIDTH)
        elif len(idle) + len(front.seats) - len(there) < front.excess:
            break
        else:
            rounds += 1  # a seat that is not in use is that of a session that is being made
    return False


def _look(keys: Keyspace, pool: Pool, names: list[str]) -> Flow[dict[str, Sight]]:
    """Return what is seen of seats that are, or were, in use, and let the pool know."""
    sights = yield from batch([seats.see(keys, pool, seat) for seat in names])
    found = {seat: sight for seat, sight in zip(names, sights, strict=True) if sight is not None}
    known = {
        seat: None if sight.ended else sight.activity
        for seat, sight in found.items()
        if not sight.moving
    }
    yield from seats.review(pool, known)
    return found


def _in_motion(sights: dict[str, Sight]) -> list[InMotion]:
    return [
        InMotion(seats.sid_of(seat), Moving(sight.moving))
        for seat, sight in sights.items()
        if sight.moving
    ]


def _end(keys: Keyspace, pool: Pool, victims: list[tuple[int, str]]) -> Flow[bool]:
    """Evict sessions that were not active since, and give their seats back; False if none was."""
    homes = [keys.home(seats.sid_of(seat)) for _, seat in victims]
    evicted = yield from batch(
        [seats.evict(home, activity) for home, (activity, _) in zip(homes, victims, strict=True)]
    )
    noted: dict[Bucket, list[bytes]] = {}
    for home, (_, seat), gone in zip(homes, victims, evicted, strict=True):
        if gone:
            noted.setdefault(home.bucket, []).append(seats.noted(pool, seat).encode())
    yield from finish_ends(keys, noted)
    return bool(noted)
