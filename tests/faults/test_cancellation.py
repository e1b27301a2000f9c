"""Tasks cancelled at any moment leave nothing behind: no holder, no waiter, no connection."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import AsyncSessionStore, SessionInUse, SessionStore, SessionStoreError
from tests.faults import jobs
from tests.faults.checks import BUCKETS, waiting
from tests.support.processes import Child
from tests.support.wait import until, wait_until

if TYPE_CHECKING:
    from sessionstore._core.operation import Wake
    from tests.support.servers import Standalone

IDS = ("a", "b", "c")
CONFIRM = 2.0
"""Seconds that a grant stays for a waiter that does not take it up."""

CROWD = 25
"""How many calls are under way at once."""

SEEDS = 10
CANCELLED = 2_000
"""Calls that are cancelled for each seed."""

WAYS = (
    ("open", "wait", "close"),
    ("open", "wait", "save", "close"),
    ("open", "save", "close"),
    ("create", "close"),
)
"""The stages that a call comes to, in each way to make it."""


class Log:
    """Which marks were acknowledged, which may have landed, and where calls were cancelled."""

    def __init__(self) -> None:
        self.sure: set[tuple[str, int]] = set()
        self.unsure: set[tuple[str, int]] = set()
        self.cancelled: Counter[str] = Counter()


class Call:
    """A call that is to be cancelled, some time after it has come to a stage."""

    def __init__(self, doomed: str, after: float) -> None:
        self.stage = ""
        self.timeout = asyncio.timeout(None)
        self._doomed = doomed
        self._after = after

    def now(self, stage: str) -> None:
        self.stage = stage
        if stage == self._doomed and self.timeout.when() is None:
            self.timeout.reschedule(asyncio.get_running_loop().time() + self._after)


CALL: ContextVar[Call] = ContextVar("CALL")


def now(stage: str) -> None:
    """Tell what the current call is about to do."""
    CALL.get().now(stage)


def tell_of_waits(store: AsyncSessionStore) -> None:
    """Waiting in line is the one stage that the caller does not see."""
    driver: Any = store._driver
    wait = driver._wait

    async def told(wake: Wake) -> None:
        now("wait")
        await wait(wake)
        now("open")

    driver._wait = told


async def add(store: AsyncSessionStore, id: str, mark: int, log: Log, way: int) -> None:
    """Note a mark in a session, in one of several ways."""
    now("open")
    if way == 0:
        async with store.open(id, wait=5) as session:
            session["marks"] = [*session["marks"], mark]
            log.unsure.add((id, mark))
            now("close")
    elif way == 1:
        session = await store.open(id, wait=5)
        try:
            session["marks"] = [*session["marks"], mark]
            log.unsure.add((id, mark))
            now("save")
            await session.save()
            log.sure.add((id, mark))
            now("close")
        finally:
            await session.close()
    else:
        with suppress(SessionInUse):
            async with store.open(id, wait=0) as session:
                session["marks"] = [*session["marks"], mark]
                log.unsure.add((id, mark))
                now("save")
                await session.save()
                log.sure.add((id, mark))
                now("close")
        return
    log.sure.add((id, mark))


async def create(store: AsyncSessionStore, mark: int, log: Log) -> None:
    now("create")
    async with await store.create(
        f"new{mark}", owner="ann", data={"n": mark}, timeout=60
    ) as session:
        session["n"] += 1
        now("close")
    log.sure.add(("new", mark))


async def added(store: AsyncSessionStore, id: str) -> tuple[int, int]:
    """Return the mark under which a session was made, and its number now."""
    async with store.open(id, owner="ann", wait=0) as session:
        return int(id.removeprefix("new")), session["n"]


async def storm(store: AsyncSessionStore, seed: int, log: Log) -> None:
    """Let a crowd call, and cancel calls, until enough have been."""
    chance = random.Random(seed)
    marks = itertools.count()

    async def one(mark: int) -> None:
        way = chance.randrange(len(WAYS))
        after = chance.choice((0.0, 0.001, 0.003, 0.01)) * chance.random()
        call = Call(chance.choice(WAYS[way]), after)
        CALL.set(call)
        try:
            async with call.timeout:
                if way == 3:
                    await create(store, mark, log)
                else:
                    await add(store, chance.choice(IDS), mark, log, way)
        except TimeoutError:
            log.cancelled[call.stage] += 1

    tell_of_waits(store)
    while log.cancelled.total() < CANCELLED:
        await asyncio.gather(*(one(next(marks)) for _ in range(CROWD)))
    print(f"{log.cancelled} of {next(marks)} calls")


def taken(store: AsyncSessionStore) -> int:
    """Return how many connections calls have that are not over."""
    driver: Any = store._driver
    nodes = (driver._exchange._nodes, driver._exchange._waiting)
    at_hand = [connections for one in nodes for connections in one._by_place.values()]
    assert at_hand
    return sum(connections._made - len(connections._idle) for connections in at_hand)


def connections(server: Standalone) -> int:
    """Return how many connections stores have to a server."""
    return str(server.ask("CLIENT", "LIST")).count(" name=sessionstore ")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_calls_cancelled_at_random_leave_no_holder_no_waiter_no_connection_and_no_wrong_data(
    server: Standalone, prefix: str, seed: int
) -> None:
    print(f"seed {seed}")  # shown by pytest if this fails
    log = Log()

    async def main() -> None:
        async with AsyncSessionStore.connect(server.url, prefix=prefix, buckets=BUCKETS) as store:
            for id in IDS:
                await store.create(id, data={"marks": []}, open=False)
            await storm(store, seed, log)
            assert waiting(server, prefix) == 0
            assert taken(store) == 0
            assert not [info.id async for info in store.list() if info.holder is not None]
            for id in IDS:
                marks = (await store.read(id))["marks"]
                assert len(marks) == len(set(marks))
                sure = {mark for at, mark in log.sure if at == id}
                assert sure <= set(marks) <= {mark for at, mark in log.unsure if at == id}
            made = {info.id async for info in store.list("ann")}
            assert made >= {f"new{mark}" for at, mark in log.sure if at == "new"}
            for mark, n in await asyncio.gather(*(added(store, id) for id in made)):
                assert n == mark + 1 or (n == mark and ("new", mark) not in log.sure)

    before = connections(server)
    asyncio.run(main())
    wait_until(lambda: connections(server) == before, "the server has seen all connections end")
    assert log.cancelled.keys() == {stage for way in WAYS for stage in way}
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


class CancelsAll:
    """Cancels all tasks but one's own, in the midst of every second renewal, each a step later."""

    def __init__(self, spared: asyncio.Task[Any] | None, after_each: int) -> None:
        self.times = 0
        self._spared = spared
        self._most = after_each
        self._renewal: asyncio.Task[Any] | None = None
        self._steps = 0
        self._doomed = True
        self._loop = asyncio.get_running_loop()
        self._loop.call_soon(self._look)

    def _look(self) -> None:
        tasks = asyncio.all_tasks() - {self._spared}
        renewal = next((one for one in tasks if one.get_name() == "sessionstore-renewal"), None)
        self._steps += 1
        if renewal is not self._renewal:
            self._steps = 0
            if self._renewal is not None:
                self._doomed = not self._doomed
            self._renewal = renewal
        if renewal is not None and self._doomed and self._steps == self.times:
            self.times += 1
            for task in tasks:
                task.cancel()
        if self.times < self._most:
            self._loop.call_soon(self._look)


@pytest.mark.slow
def test_whoever_cancels_all_tasks_does_not_end_the_renewal_of_leases(
    store: SessionStore, server: Standalone, prefix: str
) -> None:
    lease, steps = 0.9, 6

    async def main() -> None:
        async with AsyncSessionStore.connect(server.url, prefix=prefix, buckets=BUCKETS) as near:
            before = await near.create("before", data={"n": 0})
            cancels = CancelsAll(asyncio.current_task(), steps)
            await until(lambda: cancels.times == steps, "all tasks were cancelled in every step")
            after = await near.create("after", data={"n": 0})
            for session in (before, after):
                first = session._lease_end
                await until(lambda: session._lease_end > first + 1000 * lease, "it is renewed")  # noqa: B023
                session["n"] = 1
                await session.close()

    store.configure(lease=lease)
    asyncio.run(main())
    assert store.read("before")["n"] == store.read("after")["n"] == 1
    assert "lease lost" not in [event.kind for event in store.events()]
