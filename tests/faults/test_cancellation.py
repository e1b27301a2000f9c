"""Tasks cancelled at any moment leave nothing behind: no holder, no waiter, no connection."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import AsyncSessionStore, SessionInUse, SessionStore, SessionStoreError
from tests.faults import jobs
from tests.faults.checks import BUCKETS, waiting
from tests.support.processes import Child
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from tests.support.servers import Standalone

IDS = ("a", "b", "c")
CONFIRM = 2.0
"""Seconds that a grant stays for a waiter that does not take it up."""


class Log:
    """Which increments were acknowledged, and which may or may not have landed."""

    def __init__(self) -> None:
        self.sure: set[tuple[str, int]] = set()
        self.unsure: set[tuple[str, int]] = set()
        self.cancelled = 0


async def add(store: AsyncSessionStore, id: str, mark: int, log: Log, way: int) -> None:
    """Note a mark in a session, in one of several ways."""
    if way == 0:
        async with store.open(id, wait=5) as session:
            session["marks"] = [*session["marks"], mark]
            log.unsure.add((id, mark))
    elif way == 1:
        session = await store.open(id, wait=5)
        try:
            session["marks"] = [*session["marks"], mark]
            log.unsure.add((id, mark))
            await session.save()
            log.sure.add((id, mark))
        finally:
            await session.close()
    else:
        with suppress(SessionInUse):
            async with store.open(id, wait=0) as session:
                session["marks"] = [*session["marks"], mark]
                log.unsure.add((id, mark))
                await session.save()
                log.sure.add((id, mark))
        return
    log.sure.add((id, mark))


async def create(store: AsyncSessionStore, mark: int) -> None:
    async with await store.create(
        f"new{mark}", owner="ann", data={"n": mark}, timeout=60
    ) as session:
        session["n"] += 1


async def storm(store: AsyncSessionStore, seed: int, rounds: int, log: Log) -> None:
    chance = random.Random(seed)

    async def one(mark: int) -> None:
        limit = chance.choice((0.0, 0.001, 0.003, 0.01, 0.03, 0.2)) * chance.random()
        way = chance.randrange(4)
        try:
            async with asyncio.timeout(limit):
                if way == 3:
                    await create(store, mark)
                else:
                    await add(store, chance.choice(IDS), mark, log, way)
        except TimeoutError:
            log.cancelled += 1

    for first in range(0, rounds, 25):
        await asyncio.gather(*(one(mark) for mark in range(first, first + 25)))


@pytest.mark.parametrize("seed", range(4))
def test_calls_cancelled_at_random_leave_no_holder_no_waiter_and_no_wrong_data(
    server: Standalone, prefix: str, seed: int
) -> None:
    print(f"seed {seed}")  # shown by pytest if this fails
    log = Log()

    async def main() -> None:
        async with AsyncSessionStore.connect(server.url, prefix=prefix, buckets=BUCKETS) as store:
            for id in IDS:
                await store.create(id, data={"marks": []}, open=False)
            await storm(store, seed, 2000, log)
            assert waiting(server, prefix) == 0
            clients = store._driver._clients
            for client in (clients.commands, clients.waiting):
                assert not client.connection_pool._in_use_connections
            for id in IDS:
                async with store.open(id, wait=CONFIRM + 0.5) as session:
                    marks = session["marks"]
                assert len(marks) == len(set(marks))
                sure = {mark for at, mark in log.sure if at == id}
                assert sure <= set(marks) <= {mark for at, mark in log.unsure if at == id}
            async for info in store.list("ann"):
                async with store.open(info.id, owner="ann", wait=CONFIRM + 0.5) as session:
                    assert session["n"] in (int(info.id[3:]), int(info.id[3:]) + 1)

    asyncio.run(main())
    assert log.cancelled > 300
    assert log.sure


def test_whoever_is_cancelled_while_waiting_leaves_the_line_to_the_next(
    server: Standalone, store: SessionStore, prefix: str
) -> None:
    async def main() -> None:
        async with AsyncSessionStore.connect(server.url, prefix=prefix, buckets=BUCKETS) as near:
            held = store.create("a")
            waiters = [asyncio.ensure_future(near.open("a", wait=30)) for _ in range(10)]
            await asyncio.to_thread(wait_until, lambda: waiting(server, prefix) == 10, "all wait")
            for waiter in waiters[:9]:
                waiter.cancel()
            await asyncio.gather(*waiters[:9], return_exceptions=True)
            assert waiting(server, prefix) == 1
            held.close()
            async with asyncio.timeout(1):
                await (await waiters[9]).close()
            await (await near.open("a", wait=0)).close()

    asyncio.run(main())


def test_a_call_cancelled_twice_cleans_up_all_the_same(
    server: Standalone, store: SessionStore, prefix: str
) -> None:
    async def main(seed: int) -> None:
        chance = random.Random(seed)
        async with AsyncSessionStore.connect(server.url, prefix=prefix, buckets=BUCKETS) as near:
            for _ in range(100):
                tasks = [asyncio.ensure_future(near.open("a", wait=5)) for _ in range(3)]
                for task in tasks:
                    for _ in range(chance.randrange(40)):
                        await asyncio.sleep(0)
                    task.cancel()
                    for _ in range(chance.randrange(5)):
                        await asyncio.sleep(0)
                        task.cancel()
                _, late = await asyncio.wait(tasks, timeout=1)
                assert not late
                for done in await asyncio.gather(*tasks, return_exceptions=True):
                    if not isinstance(done, BaseException):
                        await done.close()
                await (await near.open("a", wait=0)).close()

    store.create("a", open=False)
    asyncio.run(main(1))
    assert waiting(server, prefix) == 0


def test_an_event_loop_that_ends_while_calls_are_under_way_does_end(
    server: Standalone, store: SessionStore, prefix: str
) -> None:
    store.create("a", data={"n": 0}, open=False)
    with Child(jobs.leave_a_loop, server.url, prefix) as child:
        assert child.hear() == "left"
        child.end(timeout=10)
    store.open("a", wait=CONFIRM + 0.5)


async def _deleted_while_waited_for(near: Any) -> bool:
    with suppress(SessionStoreError):
        return bool(await near.delete("a", wait=30))
    return False


def test_whoever_is_cancelled_while_waiting_for_an_end_leaves_the_line(
    server: Standalone, store: SessionStore, prefix: str
) -> None:
    async def main() -> None:
        async with AsyncSessionStore.connect(server.url, prefix=prefix, buckets=BUCKETS) as near:
            held = store.create("a")
            waiter = asyncio.ensure_future(_deleted_while_waited_for(near))
            await asyncio.to_thread(wait_until, lambda: waiting(server, prefix), "it waits")
            waiter.cancel()
            await asyncio.gather(waiter, return_exceptions=True)
            assert waiting(server, prefix) == 0
            held.close()

    asyncio.run(main())
