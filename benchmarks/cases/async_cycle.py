"""Fifty tasks in one process: open, change one attribute, close; beside starsessions and GET + SET.

Both load and store the whole session as one blob and lock nothing: they do less.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import msgpack
import redis.asyncio

from benchmarks.measuring import Result, alternate, at_least, ratios
from benchmarks.peers.stars import stars
from benchmarks.work import ATTRIBUTES, CHANGED, next_value
from sessionstore import AsyncSessionStore
from sessionstore.embedded import EmbeddedServer

TASKS = 50
OURS = "sessionstore"
Clock = Callable[[], float]
STARS = "starsessions 2.2 (no lock)"
BARE = "GET + SET of redis-py (no lock)"


def run(quick: bool) -> Iterator[Result]:
    cycles, rounds = (20, 7) if quick else (100, 21)
    with EmbeddedServer() as server, asyncio.Runner() as runner:
        medians, found = alternate(
            {
                OURS: lambda: runner.run(ours(server.url, cycles)),
                STARS: lambda: runner.run(theirs(server.url, cycles)),
                BARE: lambda: runner.run(bare(server.url, cycles)),
            },
            rounds,
        )
        spent, _ = alternate(
            {
                OURS: lambda: 1e6 / runner.run(ours(server.url, cycles, time.process_time)),
                STARS: lambda: 1e6 / runner.run(theirs(server.url, cycles, time.process_time)),
                BARE: lambda: 1e6 / runner.run(bare(server.url, cycles, time.process_time)),
            },
            rounds // 3,
        )
    yield Result(
        f"open + change + close, asyncio, {TASKS} concurrent, 1 process",
        "cycles/s",
        medians,
        (
            at_least(2.5, ratios(found, OURS, STARS), f"x {STARS}"),
            at_least(2.0, ratios(found, OURS, BARE), f"x {BARE}"),
        ),
    )
    yield Result("the same: CPU of the app server, a cycle", "us", spent, ())


async def theirs(url: str, cycles: int, clock: Clock = time.perf_counter) -> float:
    async with stars(url, TASKS) as cycle:
        return await timed(cycle, cycles, clock)


async def bare(url: str, cycles: int, clock: Clock = time.perf_counter) -> float:
    pool = redis.asyncio.BlockingConnectionPool.from_url(url, max_connections=TASKS)
    async with redis.asyncio.Redis.from_pool(pool) as client:
        for number in range(TASKS):
            await client.set(f"bare{number}", msgpack.packb(ATTRIBUTES))

        async def cycle(number: int) -> None:
            session = msgpack.unpackb(await client.get(f"bare{number}"))
            session[CHANGED] = next_value()
            await client.set(f"bare{number}", msgpack.packb(session), px=900_000)

        return await timed(cycle, cycles, clock)


async def ours(url: str, cycles: int, clock: Clock = time.perf_counter) -> float:
    async with AsyncSessionStore.connect(url) as store:
        ids = []
        for _ in range(TASKS):
            async with store.create(data=ATTRIBUTES) as session:
                ids.append(session.id)

        async def cycle(number: int) -> None:
            async with store.open(ids[number]) as session:
                session[CHANGED] = next_value()

        return await timed(cycle, cycles, clock)


async def timed(cycle: Callable[[int], Awaitable[None]], cycles: int, clock: Clock) -> float:
    async def task(number: int) -> None:
        for _ in range(cycles):
            await cycle(number)

    await asyncio.gather(*(cycle(number) for number in range(TASKS)))  # connections are made
    begun = clock()
    await asyncio.gather(*(task(number) for number in range(TASKS)))
    return TASKS * cycles / (clock() - begun)
