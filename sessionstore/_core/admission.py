"""Keeping the limits of all private and all public sessions: sweeping, and taking a seat.

The limit is never passed, because a seat is taken before the session is created. And no newcomer
is refused while an ended session has a seat, because before that everything that is due is swept,
and every seat that may never have been used is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sessionstore._core import buckets, moves, seats
from sessionstore._core.keys import Bucket, Keyspace, Pool, ticket
from sessionstore._core.operation import Flow, Operation, each, together
from sessionstore._core.records import Moving
from sessionstore._core.sessions import ANY, Seat, read
from sessionstore.errors import (
    QuotaExceeded,
    SessionEnded,
    SessionNotFound,
    SessionStoreError,
)

__all__ = ["give_back", "release_seat", "set_limit", "sweep", "take_seat"]

EVICTION_ROUNDS = 50


def sweep_all(keys: Keyspace) -> Flow[int]:
    """End all that is over, settle half-done moves, give back seats; return how many ended.

    For a create that waits for it: what cannot be reached is soon said.
    """
    return (yield from sweep(keys, keys.buckets, kept=False))


def sweep(keys: Keyspace, due: Sequence[Bucket], *, kept: bool) -> Flow[int]:
    """Sweep some buckets; `kept`: what has timed out ends even where the store keeps it.

    A bucket that cannot be reached keeps no other from being swept; its error is raised at the end.
    """
    ended = 0
    failure: SessionStoreError | None = None
    while due:
        sweeps = [buckets.sweep(bucket, kept) for bucket in due]
        answers = yield from (each(sweeps) if kept else together(sweeps))
        swept = []
        for bucket, found in zip(due, answers, strict=True):
            if isinstance(found, SessionStoreError):
                failure = failure or found
                continue
            swept.append((bucket, found))
            ended += found.ended
            if found.seats:
                yield from give_back(keys, bucket, found.seats)
            yield from moves.settle(keys, found.moving)
        # A page full of sessions that are on the move leads nowhere: leave it to the next sweep.
        due = [bucket for bucket, found in swept if found.more and len(found.moving) < buckets.PAGE]
    if failure is not None:
        raise failure
    return ended


def give_back(keys: Keyspace, bucket: Bucket, members: Sequence[bytes]) -> Flow[None]:
    """Free the seats of sessions that have ended, noted by their bucket as `POOL SID TICKET`."""
    noted = [member.decode().partition(" ") for member in members]
    for pool in keys.pools():
        free = [seat for name, _, seat in noted if name == pool.name]
        if free:
            yield from seats.review(pool, dict.fromkeys(free))
        # Of a session whose key has expired unseen, nobody knows the ticket any more.
        if any(name == "unknown" for name, _, _ in noted):
            yield from _audit(keys, pool)
    yield from seats.forget_ended(bucket, members)


def _audit(keys: Keyspace, pool: Pool) -> Flow[None]:
    """Look at the session of every seat of a pool, and free those that are not in use."""
    first = 0
    while page := (yield from seats.page(pool, first)):
        found = yield from _look(keys, [seat for seat, _ in page])
        idle = [seat for (seat, _), sight in zip(page, found, strict=True) if sight is None]
        yield from seats.review(pool, dict.fromkeys(idle), sparing=True)
        first += len(page)


class Sight(NamedTuple):
    """The last activity of the session of a seat; one that is held is active now."""

    activity: int
    held: bool
    certain: bool = True
    """Whether it is its seat: a session that is on the move does not tell which it has."""


def _look(keys: Keyspace, names: Sequence[str]) -> Flow[list[Sight | None]]:
    looks = [seen(keys, name) for name in names]
    return (yield from together(looks))


def seen(keys: Keyspace, seat: str) -> Operation[Sight | None]:
    """Look whether a seat is in use: None if no session has its ticket."""
    sid, _, ticket = seat.rpartition(" ")
    looking = read(keys.home(sid), ANY, ())

    def parse(reply: Any) -> Sight | None:
        try:
            found = looking.parse(reply)
        except (SessionNotFound, SessionEnded):
            return None
        except Moving as moving:
            if moving.arriving and moving.ticket != ticket:
                return None  # what arrives there has another
            # Keeps its seat until the move is settled. But that may be another, and this one that
            # of a create which never came: it is looked at again later.
            return Sight(0, held=True, certain=False)
        if found.fields.get(b"s") != ticket.encode():
            return None
        held = bool(found.holder)
        return Sight(found.now if held else found.facts.activity, held)

    return Operation(looking.script, looking.keys, looking.args, parse)


def take_seat(
    keys: Keyspace, wanted: Seat, sid: str, ticket: str, *, force: bool = False
) -> Flow[None]:
    """Take a seat for a session to be; QuotaExceeded if there is none and none can be freed."""
    pool, seat = keys.pool(wanted.pool), seats.name_of(sid, ticket)
    full = yield from seats.take(pool, seat, force=force)
    if full is None:
        return
    yield from sweep_all(keys)
    found = yield from _look(keys, full.doubtful)
    yield from seats.review(
        pool,
        {
            name: sight and sight.activity
            for name, sight in zip(full.doubtful, found, strict=True)
            if sight is None or sight.certain
        },
    )
    for _ in range(EVICTION_ROUNDS):
        full = yield from seats.take(pool, seat, force=force)
        if full is None:
            return
        if not wanted.evict:
            break
        yield from _evict_one(keys, pool)
    raise QuotaExceeded(wanted.pool, value=full.limit)


def release_seat(keys: Keyspace, wanted: Seat, sid: str, ticket: str) -> Flow[None]:
    """Give back the seat of a session that was not created after all."""
    yield from seats.review(keys.pool(wanted.pool), {seats.name_of(sid, ticket): None})


def _evict_one(keys: Keyspace, pool: Pool) -> Flow[None]:
    """Evict the least recently active session that nobody holds, if a page of seats shows it.

    The pool orders its seats by an activity that may be out of date, but is never too new. So the
    least recently active of the first page is that of all, if it is not newer than the pool's
    idea of the page's last. If it is, the page is in order now and the next round sees more.
    """
    page = yield from seats.page(pool, 0)
    found = yield from _look(keys, [seat for seat, _ in page])
    # A seat that is not in use is one whose session is being created just now, or was noted.
    alive = [
        (seat, known, sight)
        for (seat, known), sight in zip(page, found, strict=True)
        if sight is not None
    ]
    yield from seats.review(
        pool,
        {seat: max(known, sight.activity) for seat, known, sight in alive if sight.certain},
    )
    idle = sorted((sight.activity, seat) for seat, _, sight in alive if not sight.held)
    if idle and (len(page) < seats.PAGE or idle[0][0] <= page[-1][1]):
        activity, seat = idle[0]
        home = keys.home(seat.rpartition(" ")[0])
        if (yield from seats.evict(home, activity)):
            yield from give_back(keys, home.bucket, [f"{pool.name} {seat}".encode()])


def set_limit(keys: Keyspace, pool: Pool, value: int | None) -> Flow[None]:
    """Set or lift the limit of a pool.

    From the first step on every create takes a seat; then those that were there before get
    theirs; only then is the limit in force, and from then on it is exact.
    """
    flag = {f"seats_{pool.name}": "" if value is None else "1"}
    yield from together([buckets.configure(bucket, flag) for bucket in keys.buckets])
    if value is not None:
        for bucket in keys.buckets:
            yield from _seat_all(keys, pool, bucket)
    yield from seats.limit(pool, value)


def _seat_all(keys: Keyspace, pool: Pool, bucket: Bucket) -> Flow[None]:
    """Give a seat to every session of a bucket that the pool counts."""
    cursor = b""
    while cursor != b"0":
        cursor, rows = yield from buckets.list_page(bucket, "", "", cursor or b"0")
        counted = [
            row.sid
            for row in rows
            if isinstance(row, buckets.Row) and seats.pool_of(row.facts.owner) == pool.name
        ]
        tickets = yield from together([seats.assign(keys.home(sid), ticket()) for sid in counted])
        taken = [seats.name_of(sid, its) for sid, its in zip(counted, tickets, strict=True) if its]
        yield from together([seats.take(pool, seat, force=True) for seat in taken])
