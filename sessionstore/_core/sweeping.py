"""Going through buckets to end what is over, and to finish what others have left half done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sessionstore._core import buckets, moves, parameters, seats
from sessionstore._core.jobs import groups
from sessionstore._core.jobs.keys import find_group
from sessionstore._core.keys import Bucket, Home, Keyspace, Pool
from sessionstore._core.operation import Flow, batch, each
from sessionstore.errors import SessionStoreError, StoreUnavailable

__all__ = ["end_all_that_is_over", "finish_end", "finish_ends", "sweep"]

UNKNOWN = "unknown"
"""The pool of a session whose key has expired unseen, as its bucket notes it."""

JOBS = ">jobs"
"""Not a pool: the jobs of a session that has ended, and why; they are in another bucket."""

NOTED = 500
"""So much of what ends have left in a bucket does one sweep tell."""


def sweep(keys: Keyspace, due: Sequence[Bucket]) -> Flow[int]:
    """Sweep some buckets; return how many sessions ended.

    What has timed out ends even where the store keeps it until now. Half-done moves are settled,
    and so are changes of parameters. A bucket that cannot be reached keeps no other from being
    swept; its error is raised at the end.
    """
    try:
        decided = yield from parameters.read(keys)
    except StoreUnavailable:
        yield from _sweep(keys, due, timed_out=True)
        raise
    swept = yield from _sweep(keys, due, timed_out=True)
    yield from parameters.verify(keys, decided, swept.versions)
    if swept.failure is not None:
        raise swept.failure
    return swept.ended


def end_all_that_is_over(keys: Keyspace) -> Flow[None]:
    """See that nobody is refused for what is over, or for a limit that was raised."""
    swept = yield from _sweep(keys, keys.buckets, timed_out=False)
    if swept.failure is not None:
        raise swept.failure
    yield from parameters.current(keys)


@dataclass(slots=True)
class Swept:
    """What a sweep has done, and what it has found."""

    ended: int = 0
    versions: set[int] = field(default_factory=set)
    """Those of the parameters in the buckets."""
    failure: SessionStoreError | None = None
    """Why a bucket could not be swept."""


def _sweep(keys: Keyspace, due: Sequence[Bucket], *, timed_out: bool) -> Flow[Swept]:
    done = Swept()
    cursors = dict.fromkeys(due, b"")
    while cursors:
        answers = yield from each(
            [buckets.sweep(bucket, at, timed_out=timed_out) for bucket, at in cursors.items()]
        )
        there = {}
        for bucket, found in zip(cursors, answers, strict=True):
            if isinstance(found, SessionStoreError):
                done.failure = done.failure or found
            else:
                there[bucket] = found
                done.ended += found.ended
                done.versions.add(found.version)
        try:
            yield from finish_ends(keys, {bucket: found.left for bucket, found in there.items()})
            for found in there.values():
                yield from moves.complete_moves(keys, found.moving)
        except SessionStoreError as error:  # what needs another server, too, is left to the next
            done.failure = done.failure or error
        # What stays due is passed over: it is kept, or on the move. All that ends leave is done.
        cursors = {
            bucket: found.cursor
            for bucket, found in there.items()
            if found.cursor or (len(found.left) == NOTED and done.failure is None)
        }
    return done


def finish_end(keys: Keyspace, home: Home, left: Sequence[bytes]) -> Flow[None]:
    """Do what the end of a session has left to be done elsewhere; if not now, a sweep does it."""
    if left:
        with suppress(SessionStoreError):
            yield from finish_ends(keys, {home.bucket: left})


def finish_ends(keys: Keyspace, noted: Mapping[Bucket, Sequence[bytes]]) -> Flow[None]:
    """Do what ends have left, as their buckets have noted it.

    That is `POOL SID TICKET`, a seat to be freed, or `>jobs GROUP REASON`, jobs to be ended.
    """
    ended: dict[str, list[str]] = {}
    for members in noted.values():
        for member in members:
            name, _, seat = member.decode().partition(" ")
            ended.setdefault(name, []).append(seat)
    if not ended:
        return
    for noted_jobs in ended.pop(JOBS, ()):
        group, _, why = noted_jobs.partition(" ")
        yield from groups.end(find_group(keys, group), why)
    unknown = set(ended.pop(UNKNOWN, ()))
    for name, free in ended.items():
        yield from seats.free(keys.pool(name), free)
    for pool in keys.pools() if unknown else ():
        yield from _check_those_of(keys, pool, unknown)
    yield from batch(
        [
            seats.forget_ended(bucket, members[at : at + NOTED])
            for bucket, members in noted.items()
            for at in range(0, len(members), NOTED)
        ]
    )


def _check_those_of(keys: Keyspace, pool: Pool, sids: set[str]) -> Flow[None]:
    """Look at all seats of some sessions: nobody knows their tickets any more."""
    cursor, found = b"", []
    while cursor != b"0":
        cursor, names = yield from seats.scan(pool, cursor or b"0")
        found += [seat for seat in names if seats.sid_of(seat) in sids]
    yield from seats.check(keys, pool, found)
