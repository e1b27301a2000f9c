"""What takes more than one round trip: creating within limits, waiting, moving, going through buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from sessionstore import config
from sessionstore._core import admission, buckets, moves, seats, sessions
from sessionstore._core.keys import PUBLIC, Home, Keyspace
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.moves import resolved
from sessionstore._core.operation import Flow, Operation, Wake, together
from sessionstore._core.paging import ListPager, Place
from sessionstore._core.records import Facts, Moving
from sessionstore._core.sessions import Changes, Opened, Reading, Scope, Seat
from sessionstore.config import Parameters
from sessionstore.errors import (
    SessionEnded,
    SessionExists,
    SessionNotFound,
    SessionStoreError,
    StoreUnavailable,
)

__all__ = [
    "configure", "count", "create", "delete", "end_all", "merge", "move", "open_session", "parameters", "places_of",
    "read", "renew", "start", "touch", "visit",
]  # fmt: skip

RECHECK = 2000
"""A waiter is woken by the close that hands it the session, and looks by itself when the lease of
the holder that it knows of ends. Should a neighbour in the line have died in the very moment of
its turn, or the server have lost the line in a failover, this is when it looks at the latest, ms."""


def start(keys: Keyspace) -> Flow[None]:
    """Begin to use a store."""
    yield from buckets.join(keys)


def create(
    keys: Keyspace,
    home: Home,
    label: str,
    owner: str,
    *,
    timeout: int | None,
    lifetime: int | None,
    lease: int | None,
    opened: bool,
    written: Mapping[str, bytes],
) -> Flow[Opened]:
    """Make a session, with a seat if the store limits its kind."""
    ticket = new_ticket()
    wanted: Seat | None = None
    try:
        while True:
            seated = wanted is not None
            try:
                answer = yield from resolved(
                    keys,
                    home,
                    lambda: sessions.create(
                        home,
                        ticket,
                        label,
                        owner,
                        timeout=timeout,
                        lifetime=lifetime,
                        lease=lease,
                        opened=opened,
                        seated=seated,
                        written=written,
                    ),  # fmt: skip
                )
            except SessionEnded:
                # On its way here, and its mover still holds it: the name is taken.
                raise SessionExists(home.id) from None
            if isinstance(answer, Opened):
                return answer
            wanted = answer
            yield from admission.take_seat(keys, wanted, home.sid)
    except StoreUnavailable:
        raise  # whatever was done is undone by time: the lease, and a look at the seat
    except SessionStoreError:
        if wanted is not None:
            yield from admission.release_seat(keys, wanted, home.sid)
        raise
    except BaseException:
        yield from sessions.abandon(home, ticket)
        raise


def open_session(
    keys: Keyspace,
    home: Home,
    label: str,
    scope: Scope,
    *,
    lease: int | None,
    wait: int | None,
    fields: Sequence[str] | None,
) -> Flow[Opened]:
    """Become the holder, in line if need be; whoever stops waiting leaves the line."""
    ticket = new_ticket()
    wait_end: int | None = None
    try:
        while True:
            try:
                answer = yield from sessions.open_(
                    home, ticket, label, scope,
                    lease=lease, wait=wait, wait_end=wait_end, fields=fields,
                )  # fmt: skip
            except Moving as moving:
                yield from _visible_here(keys, home, moving)
                continue
            if isinstance(answer, Opened):
                return answer
            wait_end = answer.wait_end
            yield Wake(home.wake(ticket), min(answer.look_again, RECHECK))
    except SessionStoreError:
        raise  # refused, so neither held nor queued; or out of reach, and then time undoes it
    except BaseException:
        yield from sessions.abandon(home, ticket)
        raise


def _visible_here(keys: Keyspace, home: Home, moving: Moving) -> Flow[None]:
    try:
        yield from moves.resolve(keys, home, moving)
    except SessionEnded:
        raise SessionNotFound(home.id) from None


def read(keys: Keyspace, home: Home, scope: Scope, fields: Sequence[str] | None) -> Flow[Reading]:
    """Read a session without opening it."""
    while True:
        try:
            return (yield from sessions.read(home, scope, fields))
        except Moving as moving:
            yield from _visible_here(keys, home, moving)


def touch(keys: Keyspace, home: Home, scope: Scope) -> Flow[None]:
    """Count this moment as activity."""
    while True:
        try:
            return (yield from sessions.touch(home, scope))
        except Moving as moving:
            yield from _visible_here(keys, home, moving)


def visit(keys: Keyspace, home: Home, scope: Scope, fields: Sequence[str] | None) -> Flow[Reading]:
    """Read a session and count it as activity, written at most ten times in a timeout."""
    found = yield from read(keys, home, scope, fields)
    if not found.holder and found.now - found.facts.activity > found.facts.timeout // 10:
        yield from touch(keys, home, scope)
    return found


def merge(
    keys: Keyspace, home: Home, created: int, changes: Changes, seen: Mapping[str, bytes]
) -> Flow[None]:
    """Save what a writer that holds nothing changed."""
    while True:
        try:
            return (yield from sessions.merge(home, created, changes, seen))
        except Moving as moving:
            yield from _visible_here(keys, home, moving)


def delete(
    keys: Keyspace,
    home: Home,
    label: str,
    scope: Scope,
    *,
    fence: int | None = None,
    reason: str = "deleted",
    wait: int = 0,
) -> Flow[bool]:
    """End a session; True if it has ended, False if it will when its holder closes it."""
    ticket = new_ticket()
    wait_end: int | None = None
    try:
        while True:
            try:
                answer = yield from sessions.delete(
                    home, ticket, label, scope,
                    fence=fence, reason=reason, wait=wait, wait_end=wait_end,
                )  # fmt: skip
            except Moving as moving:
                yield from _visible_here(keys, home, moving)
                continue
            except (SessionEnded, SessionNotFound):
                if wait_end is None:
                    raise
                return True  # it ended while this call was waiting for that
            if isinstance(answer, str):
                if answer:
                    yield from admission.give_back(
                        keys, home.bucket, [f"{answer} {home.sid}".encode()]
                    )
                return True
            if answer is None:
                return False
            wait_end = answer.wait_end
            yield Wake(home.wake(ticket), min(answer.look_again, RECHECK))
    except SessionStoreError:
        raise
    except BaseException:
        yield from sessions.abandon(home, ticket)
        raise


def move(
    keys: Keyspace,
    home: Home,
    target: Home,
    owner: str,
    fence: int,
    sequence: int,
    changes: Changes,
    timeout: int | None,
) -> Flow[Facts | None]:
    """Save, move to another id or owner, and give back; see moves.py for the steps.

    Returns the facts at the new home, or None if the session was deleted meanwhile. If it is
    refused, the session stays open where it is, unchanged.
    """
    ticket = new_ticket()
    taken = yield from sessions.save(home, fence, sequence, Changes(), f"> {ticket} {target.sid}")
    if taken is None:  # somebody has deleted it: this close is its end
        yield from sessions.close(home, fence, changes)
        return None
    facts, values = taken
    values = {name: raw for name, raw in values.items() if name not in changes.removed}
    values |= changes.written
    if timeout is not None:
        facts = replace(facts, timeout=timeout)
    refused: BaseException | None = None
    try:
        yield from _arrive(keys, home, target, ticket, owner, facts, values)
    except BaseException as error:
        refused = error
        if not (yield from moves.decide(target, ticket)):
            yield from moves.stay(home, ticket)
            raise
    reason = yield from moves.retire(home, ticket, fence)
    arrived = yield from moves.admit(target, ticket, reason or "")
    if refused is not None and not isinstance(refused, Exception):
        raise refused
    return arrived


def _arrive(
    keys: Keyspace,
    home: Home,
    target: Home,
    ticket: str,
    owner: str,
    facts: Facts,
    values: Mapping[str, bytes],
) -> Flow[None]:
    wanted: Seat | None = None
    try:
        while True:
            seated = wanted is not None
            try:
                answer = yield from resolved(
                    keys,
                    target,
                    lambda: moves.arrive(
                        target, ticket, home.sid, owner, facts, values, seated=seated
                    ),
                )
            except SessionEnded:
                raise SessionExists(target.id) from None
            if answer is None:
                return
            wanted = answer
            # The old seat is free as soon as the old home is retired, so within one pool the
            # limit may be passed for that moment; into another pool it may not.
            same_pool = seats.pool_of(owner) == seats.pool_of(facts.owner)
            yield from admission.take_seat(keys, wanted, target.sid, force=same_pool)
    except (StoreUnavailable, GeneratorExit):
        raise
    except SessionStoreError:
        if wanted is not None:
            yield from admission.release_seat(keys, wanted, target.sid)
        raise


def places_of(keys: Keyspace, owner: str | None) -> list[Place]:
    """Return the indexes that list an owner's sessions, if need be among others."""
    if owner in (None, "", PUBLIC):
        return [Place(bucket, owner or "") for bucket in keys.buckets]
    return [Place(keys.bucket_of(owner), owner)]


def count(keys: Keyspace, owner: str | None) -> Flow[int]:
    """Count live sessions: of all, or of one owner."""
    places = places_of(keys, owner)
    if owner == "":  # these have no index of their own
        alone = 0
        pager = ListPager(keys, places, "")
        while rows := (yield from pager.page()):
            alone += sum(row.facts.owner == "" for row in rows)
        return alone
    return (yield from buckets.count_all([at.bucket for at in places], owner or ""))


def end_all(keys: Keyspace, label: str, owner: str, keep: str | None, reason: str) -> Flow[int]:
    """End every session of an owner but one; those that are open end when they are closed."""
    ended = 0
    pager = ListPager(keys, places_of(keys, owner), "")
    while rows := (yield from pager.page()):
        for row in rows:
            if row.sid == keep or row.facts.owner != owner:
                continue
            with suppress(SessionEnded, SessionNotFound):
                home = keys.home(row.sid)
                yield from delete(keys, home, label, Scope(owner), reason=reason)
                ended += 1
    return ended


def parameters(keys: Keyspace) -> Operation[Parameters]:
    """Read the parameters."""
    asked = buckets.configure(keys.buckets[0], {})
    return Operation(
        asked.script, asked.keys, asked.args, lambda reply: config.from_stored(asked.parse(reply))
    )


def configure(keys: Keyspace, changes: Mapping[str, str]) -> Flow[Parameters]:
    """Set parameters in every bucket, and carry out what follows from them."""
    if changes:
        yield from together([buckets.configure(bucket, changes) for bucket in keys.buckets])
    for pool in keys.pools():
        value = changes.get(f"max_{pool.name}")
        if value is not None:
            limit = None if value == config.UNLIMITED else int(value)
            yield from admission.set_limit(keys, pool, limit)
    if changes.get("max_timeout", config.UNLIMITED) != config.UNLIMITED:
        yield from buckets.shorten_all(keys)
    return (yield from parameters(keys))


def renew(held: Sequence[tuple[Home, int, int | None]]) -> Flow[list[int]]:
    """Lengthen the leases of all sessions that a process holds; the answers are in order."""
    by_bucket: dict[str, list[int]] = {}
    for at, (home, _, _) in enumerate(held):
        by_bucket.setdefault(home.bucket.tag, []).append(at)
    groups = [
        places[first : first + 100]
        for places in by_bucket.values()
        for first in range(0, len(places), 100)
    ]
    answers = yield from together([sessions.renew([held[at] for at in group]) for group in groups])
    ends = [0] * len(held)
    for group, answer in zip(groups, answers, strict=True):
        for at, end in zip(group, answer, strict=True):
            ends[at] = end
    return ends
