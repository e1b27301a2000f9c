"""The sessions of a log's clients: their ids, what they must have counted, and their end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from sessionstore.cli.replay.access_log import Request
from sessionstore.errors import SessionEnded, SessionNotFound
from sessionstore.store import SessionStore

__all__ = ["end_sessions", "lost_updates", "session_id"]


def session_id(client: str) -> str:
    """Return the id of a client's session; no host name looks like a generated one in it."""
    return f"client {client}"


def lost_updates(store: SessionStore, requests: Sequence[Request]) -> int:
    """Read every session back and return by how much the counters differ from the log."""
    expected = Counter(request.client for request in requests)
    return sum(abs(count - _counted(store, client)) for client, count in expected.items())


def _counted(store: SessionStore, client: str) -> int:
    try:
        return int(store.read(session_id(client)).get("count", 0))
    except (SessionNotFound, SessionEnded):
        return 0


def end_sessions(store: SessionStore, requests: Sequence[Request]) -> None:
    """End the sessions that a replay has made, and no others."""
    for client in {request.client for request in requests}:
        with suppress(SessionNotFound, SessionEnded):
            store.delete(session_id(client))
