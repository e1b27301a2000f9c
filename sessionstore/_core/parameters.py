"""The parameters of a store: decided in one place, and then brought to every bucket and pool.

`{P:store}` decides. A script merges a change into what is set there, and raises its version; from
there each bucket gets all of it, and takes it unless it has a later version. So the order in which
things arrive does not matter, and whoever finds a version that was not applied yet can do what is
left, alone or beside others: every step can be done twice.

A limit of all counts seats, which must be there before it holds:

    open      the pool learns the version, and that there are seats
    adopt     the buckets: from here on whoever makes a session, or moves one, must have a seat
    seat      those that were there before get theirs
    limit     the limit is in force, and exact

Seats have the version from which on they were demanded: one that was taken before that, for a
limit that was lifted meanwhile, is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from itertools import chain
from typing import NamedTuple

from sessionstore import _parameter_values
from sessionstore._core import buckets, seats
from sessionstore._core.keys import Bucket, Keyspace, Pool
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.operation import Flow, Operation, batch
from sessionstore._core.scripts import load
from sessionstore.config import Parameters
from sessionstore.errors import ConfigError

__all__ = [
    "Decided",
    "as_stored",
    "bring",
    "complete",
    "configure",
    "current",
    "from_stored",
    "read",
    "stored",
    "verify",
]

NAMES = tuple(field.name for field in fields(Parameters))

PARAMETERS, CONFIGURE, NOTE_APPLIED = map(load, ("parameters", "configure", "note_applied"))

OF_THE_STORE = {"buckets", "version", "applied", "revisits"}
"""What is noted where the parameters are decided, and not brought to the buckets."""

AT_ONCE = 32
"""How many buckets are gone through side by side."""


class Decided(NamedTuple):
    """What is decided, as it is stored."""

    fields: Mapping[str, str]

    @property
    def version(self) -> int:
        """What everything is to come to."""
        return int(self.fields.get("version", 0))

    @property
    def applied(self) -> int:
        """The last version of which it is known that everything has come to it."""
        return int(self.fields.get("applied", 0))

    @property
    def revisits(self) -> int:
        """The last version for which every session that is there has to be visited."""
        return int(self.fields.get("revisits", 0))

    @property
    def for_buckets(self) -> dict[str, str]:
        """What scripts need to know."""
        return {name: self.fields[name] for name in self.fields if name not in OF_THE_STORE}

    def since(self, pool: Pool) -> str:
        """From which version on a pool has seats; empty: it has none."""
        return self.fields.get(f"seats_{pool.name}", "")

    def limit(self, pool: Pool) -> str:
        """How many seats a pool has; empty: it is not limited."""
        return self.fields[f"max_{pool.name}"] if self.since(pool) else ""


def as_stored(given: Mapping[str, object]) -> dict[str, str]:
    """Return the stored text of parameters given by name; ConfigError lists every bad one."""
    unknown = sorted(set(given) - set(NAMES))
    if unknown:
        raise ConfigError(f"no parameter {', '.join(unknown)}; there are {', '.join(NAMES)}")
    _parameter_values.check(given)
    return {name: _parameter_values.as_stored(name, value) for name, value in given.items()}


def from_stored(fields: Mapping[str, str]) -> Parameters:
    """Return the parameters that a store holds; what it does not hold has its default."""
    values = {
        name: _parameter_values.from_stored(name, fields[name]) for name in NAMES if name in fields
    }
    return Parameters(**values)  # type: ignore[arg-type]


def stored(key: str) -> Operation[dict[str, str]]:
    """Read the parameters as they are decided, or as a bucket or a pool has them."""
    return Operation(PARAMETERS, (key,), (), _fields)


def read(keys: Keyspace) -> Operation[Decided]:
    """Read what is decided."""
    return Operation(PARAMETERS, (keys.store,), (), _decided)


def current(keys: Keyspace) -> Flow[Parameters]:
    """Return the parameters that are in force."""
    return (yield from complete(keys, (yield from read(keys))))


def configure(keys: Keyspace, changes: Mapping[str, str]) -> Flow[Parameters]:
    """Set parameters, and return when they are in force."""
    given = tuple(chain.from_iterable(changes.items()))
    asked = (keys.store, keys.receipt(new_ticket()))
    decided = yield from Operation(CONFIGURE, asked, given, _decided)
    return (yield from complete(keys, decided))


def complete(keys: Keyspace, decided: Decided) -> Flow[Parameters]:
    """Do what is left to do so that what is decided is in force, whoever has begun it."""
    while decided.applied < decided.version:
        decided = yield from _note(keys, decided, (yield from _carry_out(keys, decided)))
    return from_stored(decided.fields)


def verify(keys: Keyspace, decided: Decided, versions: Iterable[int]) -> Flow[None]:
    """Complete what is left, or do it anew if buckets or pools have forgotten it, or the store.

    `decided` was read before the `versions` of buckets were. A server that fails may forget its
    last writes, while the others remember theirs.
    """
    pools = list(keys.pools())
    there = yield from batch([stored(pool.limit) for pool in pools])
    known = {*versions, *(int(fields.get("version", 0)) for fields in there)}
    limits = [fields.get("limit", "") for fields in there]
    if decided.applied < decided.version:
        yield from complete(keys, decided)
        return
    met = max(known)
    if min(known) < decided.version or (
        met == decided.version and limits != [decided.limit(pool) for pool in pools]
    ):
        met = yield from _carry_out(keys, Decided({**decided.fields, "applied": "0"}))
    if met > decided.version:
        yield from complete(keys, (yield from _note(keys, decided, met)))


def _note(keys: Keyspace, decided: Decided, met: int) -> Operation[Decided]:
    """Note that a version is carried out; a later one that was met on the way is to come still."""
    return Operation(NOTE_APPLIED, (keys.store,), (decided.version, met), _decided)


def _carry_out(keys: Keyspace, decided: Decided) -> Flow[int]:
    """Bring everything to what is decided; the answer is the version that was met at the last."""
    met = yield from bring(keys, decided)
    if met > decided.version:
        return met
    if decided.applied < decided.revisits:
        yield from buckets.revisit_all(keys)
    demanded = [pool for pool in keys.pools() if decided.applied < int(decided.since(pool) or 0)]
    if demanded:
        for first in range(0, len(keys.buckets), AT_ONCE):
            yield from _seat_all(keys, demanded, keys.buckets[first : first + AT_ONCE])
    return max(
        (
            yield from batch(
                [
                    seats.limit(pool, decided.version, decided.since(pool), decided.limit(pool))
                    for pool in keys.pools()
                ]
            )
        )
    )


def bring(keys: Keyspace, decided: Decided) -> Flow[int]:
    """Bring the parameters to all buckets; the answer is the highest version that is there."""
    opened = yield from batch(
        [
            seats.limit(pool, decided.version, decided.since(pool), "")
            for pool in keys.pools()
            if decided.since(pool)
        ]
    )
    adopted = yield from batch(
        [buckets.adopt(bucket, decided.version, decided.for_buckets) for bucket in keys.buckets]
    )
    return max(opened + adopted)


def _seat_all(keys: Keyspace, pools: Sequence[Pool], some: Sequence[Bucket]) -> Flow[None]:
    """Give a seat to every session of some buckets that the pools count.

    One on the move gets one where it comes from, and where it goes: it stays at one of them, and
    the seat of the other becomes free as that ends.
    """
    cursors = dict.fromkeys(some, b"0")
    while cursors:
        pages = yield from batch(
            [buckets.list_page(bucket, "", "", at) for bucket, at in cursors.items()]
        )
        there = [row.sid for page in pages for row in page.rows]
        there += [row.sid for page in pages for row in page.in_motion]
        for pool in pools:
            tickets = yield from batch(
                [seats.assign(keys.home(sid), pool, new_ticket()) for sid in there]
            )
            taken = [
                seats.name_of(sid, ticket)
                for sid, ticket in zip(there, tickets, strict=True)
                if ticket
            ]
            yield from batch([seats.take(pool, seat, force=True) for seat in taken])
            yield from seats.check(keys, pool, taken)  # some may have ended meanwhile
        read = zip(cursors, pages, strict=True)
        cursors = {bucket: page.cursor for bucket, page in read if page.cursor}


def _fields(reply: Sequence[bytes]) -> dict[str, str]:
    pairs = (item.decode() for item in reply)
    return dict(zip(pairs, pairs, strict=True))


def _decided(reply: Sequence[bytes]) -> Decided:
    return Decided(_fields(reply))
