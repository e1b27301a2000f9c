"""Memory of an empty owned session with all its indexes, every one of another owner.

What is counted is all that the server's memory grows by: keys, expiries, indexes of the bucket and
of the owner, the events of their creation, parameters.
"""

from __future__ import annotations

import asyncio

import redis

from benchmarks.measuring import Result
from sessionstore import AsyncSessionStore
from sessionstore.embedded import EmbeddedServer

AT_ONCE = 200


def run(quick: bool) -> Result:
    sessions = 20_000 if quick else 100_000
    with EmbeddedServer() as server, redis.Redis.from_url(server.url) as client:
        asyncio.run(make(server.url, 1))
        before = client.info("memory")["used_memory"]
        asyncio.run(make(server.url, sessions))
        grown = client.info("memory")["used_memory"] - before
        events = sum(client.xlen(key) for key in client.scan_iter("*}ev", count=1000))
    judged = grown / sessions
    return Result(
        f"memory of an empty owned session, {sessions:,} of them",
        "bytes",
        {"sessionstore": judged},
        judged,
        "at most 420 B (Valkey 9.1)",
        judged <= 420,
        {"events kept": events},
    )


async def make(url: str, sessions: int) -> None:
    async with AsyncSessionStore.connect(url) as store:
        for first in range(0, sessions, AT_ONCE):
            last = min(first + AT_ONCE, sessions)
            await asyncio.gather(
                *(one(store, f"user{sessions}-{number}") for number in range(first, last))
            )


async def one(store: AsyncSessionStore, owner: str) -> None:
    async with store.create(owner=owner):
        pass
