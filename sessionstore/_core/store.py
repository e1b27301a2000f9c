"""What concerns a store as a whole: its beginning, its parameters, all sessions of an owner."""

from __future__ import annotations

from contextlib import suppress

from sessionstore._core import buckets, moves, parameters
from sessionstore._core.keys import Keyspace
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.listing import places_of
from sessionstore._core.operation import Flow, Operation, batch
from sessionstore._core.scripts import load
from sessionstore._core.sweeping import finish_ends
from sessionstore.errors import SessionStoreError, StoreUnavailable

__all__ = ["end_all", "now", "start", "take_turn"]

NOW, TAKE_TURN = map(load, ("now", "take_turn"))


def start(keys: Keyspace, *, create: bool = True) -> Flow[None]:
    """Begin to use a store; without `create`, StoreNotFound if there is none."""
    yield from buckets.join(keys, create=create)
    decided = yield from parameters.read(keys)
    if decided.applied < decided.version:
        # Somebody was killed, or is at it. What takes longer than this is for the next sweep; and
        # should some of the servers be away, it all is.
        with suppress(StoreUnavailable):
            yield from parameters.bring(keys, decided)


def now(keys: Keyspace) -> Operation[int]:
    """Ask for the time, in milliseconds."""
    return Operation(NOW, (keys.store,), (), lambda reply: int(reply[0]))


def take_turn(keys: Keyspace, what: str, every_ms: int) -> Operation[bool]:
    """Take the turn at something that one of many processes is to do every now and then."""
    key = f"{keys.store}t:{what}"
    return Operation(TAKE_TURN, (key,), (new_ticket(), every_ms), lambda reply: reply[0] == 1)


def end_all(keys: Keyspace, owner: str, keep: str | None, reason: str) -> Flow[int]:
    """End every session that an owner has but one; those that are open end when they are closed.

    From the first page of a bucket on, none gets away by getting another id there.
    """
    ticket, total = new_ticket(), 0
    due = {place.bucket: b"0" for place in places_of(keys, owner)}
    stopping = [buckets.stop_ending(bucket, owner, ticket) for bucket in due]
    try:
        while due:
            pages = [
                buckets.end_owned(bucket, owner, ticket, reason, keep or "", cursor)
                for bucket, cursor in due.items()
            ]
            there = dict(zip(due, (yield from batch(pages)), strict=True))
            yield from finish_ends(keys, {bucket: found.left for bucket, found in there.items()})
            for found in there.values():
                yield from moves.complete_moves(keys, found.moving)
            total += sum(found.total for found in there.values() if found.cursor == b"0")
            due = {at: found.cursor for at, found in there.items() if found.cursor != b"0"}
    except SessionStoreError:
        raise  # out of reach, and then time undoes what is left
    except BaseException:
        with suppress(SessionStoreError):
            yield from batch(stopping)
        raise
    yield from batch(stopping)
    return total
