"""Giving a session another id or owner, by the one who has it open; for the steps see moves.py."""

from __future__ import annotations

from sessionstore._core import admission, kept, moves, seats, sessions
from sessionstore._core.keys import Home, Keyspace
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.operation import Flow
from sessionstore._core.records import Facts
from sessionstore._core.sessions import Changes

__all__ = ["move"]


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
    facts = Facts(taken) if timeout is None else Facts(taken).with_timeout(timeout)
    refused: BaseException | None = None
    try:
        carried = yield from kept.carry(home, fence, target, taken)
        everything = Changes({**carried, **changes.written}, changes.removed)
        yield from admission.let_in(
            keys,
            target,
            owner,
            lambda seat: moves.arrive(
                target, ticket, home.sid, owner, facts, everything, seat=seat
            ),
            # The old seat is free as soon as the old home is retired.
            leaves=seats.pool_of(facts.owner),
        )
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
