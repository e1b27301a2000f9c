"""Giving a session another id or owner, by the one who has it open; for the steps see moves.py."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TypeVar

from sessionstore._core import admission, moves, seats, sessions, staging, sweeping
from sessionstore._core.keys import Home, Keyspace
from sessionstore._core.layout import BESIDE
from sessionstore._core.operation import Flow
from sessionstore._core.outcomes import is_unknown
from sessionstore._core.records import Facts, Moving
from sessionstore._core.sessions import Changes
from sessionstore.errors import (
    SessionEnded,
    SessionExists,
    SessionNotFound,
    SessionStoreError,
    StoreUnavailable,
)

__all__ = ["complete", "has_moved", "move"]

T = TypeVar("T")


def move(
    keys: Keyspace,
    home: Home,
    target: Home,
    owner: str,
    *,
    ticket: str,
    fence: int,
    sequence: int,
    changes: Changes,
    put: Mapping[bytes, bytes | None],
    timeout_ms: int | None,
) -> Flow[Facts | None]:
    """Save, move to another id or owner, and give back; see moves.py for the steps.

    The ticket names the move. `put` has values that come beside the session, by their fields, or
    None for one that goes. Returns the facts at the new home, or None if the session was deleted
    meanwhile. If it is refused, the session stays open where it is, unchanged.
    """
    taken = yield from sessions.save(home, fence, sequence, Changes(), f"> {ticket} {target.sid}")
    if taken is None:  # somebody has deleted it: this close is its end
        left = yield from sessions.close(home, fence, Changes())
        yield from sweeping.finish_end(keys, home, left or ())
        return None
    facts = Facts(taken) if timeout_ms is None else Facts(taken).with_timeout(timeout_ms)
    refused: BaseException | None = None
    carried: dict[bytes, bytes] = {}
    seats_taken: list[admission.Taken] = []
    try:
        if any(field.startswith(BESIDE) for field in (*taken, *put)):
            yield from _check_free(target)  # before all that is kept is copied there
        stays = [field for field in taken if field.startswith(BESIDE) and field not in put]
        yield from staging.carry(
            home, fence, target, ticket, fields=stays, put=put, carried=carried
        )
        gone = (field for field, raw in put.items() if raw is None)
        everything = Changes({**carried, **changes.written}, [*changes.removed, *gone])
        yield from admission.let_in(
            keys,
            target,
            owner,
            lambda seat: moves.arrive(
                target, ticket, home.sid, owner, facts, everything, seat=seat
            ),
            taken=seats_taken,
            leaves=(seats.pool_of(facts.owner), seats.name_of(home.sid, facts.seat)),
        )
    except GeneratorExit:
        raise
    except BaseException as error:
        refused = error
        if not (yield from _has_moved_after(error, home, target, ticket)):
            with suppress(SessionStoreError):  # what is left goes by itself, and sweeps free seats
                yield from staging.unstage(target, carried)
                yield from admission.free_unused(keys, seats_taken)
            if isinstance(error, SessionStoreError) and is_unknown(error):
                message = f"the session stays where it is, as it was: {error}"
                raise StoreUnavailable(message) from error
            raise
    arrived = yield from complete(keys, home, target, ticket, fence)
    if refused is not None and not isinstance(refused, Exception):
        raise refused
    return arrived


def _has_moved_after(error: BaseException, home: Home, target: Home, ticket: str) -> Flow[bool]:
    """Return the same after an error; whoever was interrupted learns of that, whatever comes."""
    try:
        return (yield from has_moved(home, target, ticket))
    except SessionStoreError:
        if isinstance(error, Exception):
            raise
        raise error from None


def has_moved(home: Home, target: Home, ticket: str) -> Flow[bool]:
    """Return whether a move has arrived; if it has not, it never will."""

    def settling() -> Flow[bool]:
        if (yield from moves.decide(target, ticket)):
            return True
        yield from moves.stay(home, ticket)
        return False

    return (yield from _or_unknown(settling()))


def complete(
    keys: Keyspace, home: Home, target: Home, ticket: str, fence: int
) -> Flow[Facts | None]:
    """Take the last steps of a move that has arrived; the answer is as that of `move`."""

    def completing() -> Flow[Facts | None]:
        return (yield from moves.leave(keys, home, ticket, fence, target))[1]

    return (yield from _or_unknown(completing()))


def _or_unknown(flow: Flow[T]) -> Flow[T]:
    """Run what settles a move; should it not get through, nobody knows what became of the move."""
    try:
        return (yield from flow)
    except StoreUnavailable as error:
        error.unknown = True
        raise
    except SessionStoreError as error:
        message = f"whether the session has moved is unknown: {error}"
        raise StoreUnavailable(message, unknown=True) from error


def _check_free(target: Home) -> Flow[None]:
    with suppress(SessionNotFound, SessionEnded, Moving):  # these are for the arrival to settle
        yield from sessions.read(target, sessions.ANY, ())
        raise SessionExists(target.id)
