"""Fifty tasks in one process: open, change one attribute, close; beside GET + SET of redis-py.

GET + SET load and store the whole session as one blob and lock nothing: what is measured against
us does less.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgpack
import redis.asyncio

from benchmarks.measuring import Result, alternate, ratio
from benchmarks.work import ATTRIBUTES, CHANGED, next_value
from sessionstore import AsyncSessionStore
from sessionstore.embedded import EmbeddedServer

TASKS = 50


def run(quick: bool) -> Result:
    cycles, rounds = (40, 3) if quick else (200, 9)
    with EmbeddedServer() as server:
        medians, found = alternate(
            {
                "GET + SET, redis-py asyncio": lambda: asyncio.run(bare(server.url, cycles)),
                "sessionstore": lambda: asyncio.run(ours(server.url, cycles)),
            },
            rounds,
        )
    judged = ratio(found, "sessionstore", "GET + SET, redis-py asyncio")
    return Result(
        f"open + change + close, asyncio, {TASKS} concurrent",
        "cycles/s",
        medians,
        judged,
        "at least 2.0 x GET + SET",
        judged >= 2.0,
    )


async def bare(url: str, cycles: int) -> float:
    pool = redis.asyncio.BlockingConnectionPool.from_url(url, max_connections=TASKS)
    async with redis.asyncio.Redis.from_pool(pool) as client:
        for number in range(TASKS):
            await client.set(f"bare{number}", msgpack.packb(ATTRIBUTES))

        async def cycle(number: int) -> None:
            session = msgpack.unpackb(await client.get(f"bare{number}"))
            session[CHANGED] = next_value()
            await client.set(f"bare{number}", msgpack.packb(session), px=900_000)

        return await timed(cycle, cycles)


async def ours(url: str, cycles: int) -> float:
    async with AsyncSessionStore.connect(url) as store:
        ids = []
        for _ in range(TASKS):
            async with store.create(data=ATTRIBUTES) as session:
                ids.append(session.id)

        async def cycle(number: int) -> None:
            async with store.open(ids[number]) as session:
                session[CHANGED] = next_value()

        return await timed(cycle, cycles)


async def timed(cycle: Callable[[int], Awaitable[None]], cycles: int) -> float:
    async def task(number: int) -> None:
        for _ in range(cycles):
            await cycle(number)

    await asyncio.gather(*(cycle(number) for number in range(TASKS)))  # connections are made
    begun = time.perf_counter()
    await asyncio.gather(*(task(number) for number in range(TASKS)))
    return TASKS * cycles / (time.perf_counter() - begun)
