"""Keeping the limits of all private and all public sessions: sweeping, and taking a seat.

The limit is never passed, because a seat is taken before the session is created. And no newcomer
is refused while an ended session has a seat, because before that everything that is due is swept,
and every seat that may never have been used is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sessionstore._core import buckets, moves, seats
from sessionstore._core.keys import Bucket, Home, Keyspace, Pool
from sessionstore._core.operation import Flow, Operation, together
from sessionstore._core.records import Moving
from sessionstore._core.sessions import ANY, Seat, read
from sessionstore.errors import QuotaExceeded, SessionEnded, SessionNotFound

__all__ = ["give_back", "release_seat", "set_limit", "sweep_all", "take_seat"]

EVICTION_ROUNDS = 50


def sweep_all(keys: Keyspace) -> Flow[int]:
    """End all that is due, settle half-done moves, give back seats; return how many ended."""
    ended = 0
    due: Sequence[Bucket] = keys.buckets
    while due:
        swept = yield from together([buckets.sweep(bucket) for bucket in due])
        for bucket, found in zip(due, swept, strict=True):
            ended += found.ended
            if found.seats:
                yield from give_back(keys, bucket, found.seats)
            yield from moves.settle(keys, found.moving)
        # A page full of sessions that are on the move leads nowhere: leave it to the next sweep.
        due = [
            bucket
            for bucket, found in zip(due, swept, strict=True)
            if found.more and len(found.moving) < buckets.PAGE
        ]
    return ended


def give_back(keys: Keyspace, bucket: Bucket, members: Sequence[bytes]) -> Flow[None]:
    """Free the seats of sessions that a bucket noted as ended, as `pool sid` each."""
    for pool in keys.pools():
        start = f"{pool.name} "
        noted = (member.decode() for member in members)
        sids = [text.removeprefix(start) for text in noted if text.startswith(start)]
        yield from _free_if_gone(keys, pool, sids)
    yield from seats.forget_ended(bucket, members)


def _free_if_gone(keys: Keyspace, pool: Pool, sids: Sequence[str]) -> Flow[None]:
    # The look comes after the reading of the seat, so that a session of the same name that is
    # created in between keeps the seat that its creation took anew.
    if sids:
        known = yield from seats.known(pool, sids)
        found = yield from _look(keys, sids)
        yield from seats.review(
            pool,
            [
                (sid, before, now and now.activity)
                for sid, before, now in zip(sids, known, found, strict=True)
                if before is not None
            ],
        )


class Sight(NamedTuple):
    """The last activity of a session that is alive; one that is held is active now."""

    activity: int
    held: bool


def _look(keys: Keyspace, sids: Sequence[str]) -> Flow[list[Sight | None]]:
    looks = [seen(keys.home(sid)) for sid in sids]
    return (yield from together(looks))


def seen(home: Home) -> Operation[Sight | None]:
    """Look at a session for the sake of its seat; None if it is gone."""
    looking = read(home, ANY, ())

    def parse(reply: Any) -> Sight | None:
        try:
            found = looking.parse(reply)
        except (SessionNotFound, SessionEnded):
            return None
        except Moving:
            return Sight(0, held=True)  # keeps its seat until the move is settled
        held = bool(found.holder)
        return Sight(found.now if held else found.facts.activity, held)

    return Operation(looking.script, looking.keys, looking.args, parse)


def take_seat(keys: Keyspace, wanted: Seat, sid: str, *, force: bool = False) -> Flow[None]:
    """Take a seat for a session to be; QuotaExceeded if there is none and none can be freed."""
    pool = keys.pool(wanted.pool)
    full = yield from seats.take(pool, sid, force=force)
    if full is None:
        return
    yield from sweep_all(keys)
    yield from _free_if_gone(keys, pool, full.doubtful)
    for _ in range(EVICTION_ROUNDS):
        full = yield from seats.take(pool, sid, force=force)
        if full is None:
            return
        if not wanted.evict:
            break
        yield from _evict_one(keys, pool)
    raise QuotaExceeded(wanted.pool, value=full.limit)


def release_seat(keys: Keyspace, wanted: Seat, sid: str) -> Flow[None]:
    """Give back the seat of a session that was not created after all."""
    yield from _free_if_gone(keys, keys.pool(wanted.pool), [sid])


def _evict_one(keys: Keyspace, pool: Pool) -> Flow[None]:
    """Evict the least recently active session that nobody holds, if a page of seats shows it.

    The pool orders its seats by an activity that may be out of date, but is never too new. So the
    least recently active of the first page is that of all, if it is not newer than the pool's
    idea of the page's last. If it is, the page is in order now and the next round sees more.
    """
    page = yield from seats.oldest(pool)
    found = yield from _look(keys, [sid for sid, _ in page])
    # A seat without a session is one that is being created just now, or was noted as ended.
    alive = [
        (sid, known, sight)
        for (sid, known), sight in zip(page, found, strict=True)
        if sight is not None
    ]
    yield from seats.review(
        pool, [(sid, known, max(known, sight.activity)) for sid, known, sight in alive]
    )
    idle = sorted((sight.activity, sid) for sid, _, sight in alive if not sight.held)
    if idle and (len(page) < seats.PAGE or idle[0][0] <= page[-1][1]):
        activity, sid = idle[0]
        if (yield from seats.evict(keys.home(sid), activity)):
            yield from _free_if_gone(keys, pool, [sid])


def set_limit(keys: Keyspace, pool: Pool, value: int | None) -> Flow[None]:
    """Set or lift the limit of a pool.

    From the first step on every create takes a seat; then those that were there before get
    theirs; only then is the limit in force, and from then on it is exact.
    """
    flag = {f"seats_{pool.name}": "" if value is None else "1"}
    yield from together([buckets.configure(bucket, flag) for bucket in keys.buckets])
    if value is not None:
        for bucket in keys.buckets:
            cursor = b""
            while cursor != b"0":
                cursor, rows = yield from buckets.list_page(bucket, "", "", cursor or b"0")
                owners = [
                    (row[0], "") if isinstance(row, tuple) else (row.sid, row.facts.owner)
                    for row in rows
                ]
                yield from together(
                    [
                        seats.take(pool, sid, force=True)
                        for sid, owner in owners
                        if seats.pool_of(owner) == pool.name
                    ]
                )
    yield from seats.limit(pool, value)
