"""The work that is measured: load a session of 10 attributes (about 1 KB), change one, save it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

from sessionstore import AsyncSessionStore, SessionStore

__all__ = ["ATTRIBUTES", "CHANGED", "TIMEOUT", "cycle_of", "make_many", "make_used", "next_value"]

ATTRIBUTES: dict[str, object] = {f"attribute{number}": "x" * 95 for number in range(10)}
CHANGED = "attribute3"
TIMEOUT = 900
"""In seconds, for all who are measured: the store's default."""

AT_ONCE = 500

_numbers = count()


def next_value() -> str:
    """Return a new value for the attribute that changes, as long as the old one."""
    return f"{next(_numbers):095d}"


def cycle_of(store: SessionStore) -> Callable[[], None]:
    """Return the cycle of a session of its own."""
    with store.create(data=ATTRIBUTES) as session:
        id = session.id

    def cycle() -> None:
        with store.open(id) as session:
            session[CHANGED] = next_value()

    return cycle


def make_many(url: str, sessions: int, prefix: str = "user", timeout: float = TIMEOUT) -> None:
    """Make empty sessions, each of another owner, as fast as one process can."""
    asyncio.run(_make(url, sessions, prefix, timeout, False))


def make_used(url: str, sessions: int) -> None:
    """Make empty sessions, each of another owner, that were opened and closed once."""
    asyncio.run(_make(url, sessions, "user", TIMEOUT, True))


async def _make(url: str, sessions: int, prefix: str, idle: float, opened: bool) -> None:
    async with AsyncSessionStore.connect(url) as store:

        async def one(number: int) -> None:
            made = await store.create(owner=f"{prefix}{number}", timeout=idle, open=opened)
            if opened:
                await made.close()

        for first in range(0, sessions, AT_ONCE):
            last = min(first + AT_ONCE, sessions)
            await asyncio.gather(*(one(number) for number in range(first, last)))
