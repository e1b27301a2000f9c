"""A session that is in another bucket than its jobs: only its home can tell whether it lives."""

from __future__ import annotations

from sessionstore._core import moves
from sessionstore._core.jobs import groups
from sessionstore._core.jobs.keys import find_group
from sessionstore._core.jobs.records import Away
from sessionstore._core.keys import Keyspace
from sessionstore._core.operation import Flow
from sessionstore._core.records import NotArrived
from sessionstore.errors import SessionEnded, SessionNotFound

__all__ = ["has_ended", "settle"]


def has_ended(keys: Keyspace, away: Away) -> Flow[str | None]:
    """Return why a session in another bucket has ended; None if it lives, or is on its way."""
    home = keys.home(away.sid)
    try:
        group = yield from moves.resolved(keys, home, groups.group_of(home))
    except NotArrived:
        return None
    except SessionNotFound:
        return "timed out"
    except SessionEnded as ended:
        return None if ended.reason == "moved" else ended.reason
    return None if group == away.group else "deleted"


def settle(keys: Keyspace, away: Away) -> Flow[str | None]:
    """End the jobs of a session in another bucket if it has ended; return why it has."""
    ended = yield from has_ended(keys, away)
    if ended is not None:
        yield from groups.end(find_group(keys, away.group), ended)
    return ended
