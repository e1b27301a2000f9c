"""Sinks miss nothing while connections are cut and servers are killed, stand still or change."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import AsyncSessionStore, SessionStore, StoreUnavailable
from sessionstore._core.keys import Keyspace
from sessionstore._redis.connect import connect
from sessionstore._redis.sync import Driver
from sessionstore.data import decode
from sessionstore.jobs import AsyncJobs, Jobs
from tests.jobs.support import Hand, Heard, Running
from tests.support.servers import Sentinels, Standalone
from tests.support.wait import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVENTS = 6000
PER_SECOND = 500
CUT_EVERY = 0.35
KILLS = 3


class Writer(threading.Thread):
    """Lets a job tell its numbers at a steady rate, each as often as it takes to be sure."""

    def __init__(self, running: Running, events: int) -> None:
        super().__init__(name="writer")
        self._running = running
        self._events = events
        self.written = 0
        self.troubled = 0

    def run(self) -> None:
        begun = time.monotonic()
        while self.written < self._events:
            due = int((time.monotonic() - begun) * PER_SECOND)
            if self.written >= due:
                threading.Event().wait(0.002)
                continue
            report = self._running.next_report(("log", self.written))
            while True:
                try:
                    assert self._running.send(report) == ""
                except StoreUnavailable:
                    self.troubled += 1
                    begun += 0.1  # it need not catch up
                else:
                    break
            self.written += 1
            if due - self.written > PER_SECOND // 10:
                begun = time.monotonic() - self.written / PER_SECOND


@contextlib.contextmanager
def hand_at(url: str, prefix: str, buckets: int) -> Iterator[Hand]:
    driver = Driver(connect(url))
    try:
        yield Hand(driver, Keyspace(prefix, buckets))
    finally:
        driver.close()


def cut(server: Standalone) -> None:
    with contextlib.suppress(Exception):  # it may be down just now
        server.ask("CLIENT", "KILL", "TYPE", "pubsub")


@pytest.mark.slow
async def test_nothing_is_missed_while_lines_are_cut_and_the_server_is_killed(
    tmp_path: Path, runner: asyncio.Runner
) -> None:
    with Standalone(None, tmp_path / "server") as server:
        store = await AsyncSessionStore.connect(server.url, buckets=4)
        plain = await asyncio.to_thread(SessionStore.connect, server.url, buckets=4)
        try:
            session = await store.create("a", timeout=3600)
            await session.close()
            told = [Heard() for _ in range(4)]
            sinks: list[Any] = [await AsyncJobs(store).sink("a", one) for one in told[:2]]
            sinks += [await asyncio.to_thread(Jobs(plain).sink, "a", one) for one in told[2:]]
            await AsyncJobs(store).submit("a", "A.B")
            with hand_at(server.url, "ss", 4) as hand:
                writer = Writer(hand.start(lease_ms=3_600_000), EVENTS)
                writer.start()
                kills, cuts = 0, 0
                while writer.is_alive():
                    await asyncio.to_thread(writer.join, CUT_EVERY)
                    await asyncio.to_thread(cut, server)
                    cuts += 1
                    if kills < KILLS and writer.written > EVENTS * (kills + 1) // (KILLS + 1):
                        kills += 1
                        server.kill9()
                        await asyncio.to_thread(server.start)
            assert kills == KILLS
            assert cuts >= EVENTS / PER_SECOND / CUT_EVERY / 2
            for one in told:
                await until(lambda one=one: len(one.events) >= EVENTS + 2, "all told", timeout=30)
                assert one.types == ["queued", "running", *["log"] * EVENTS]
                assert one.sequence == list(range(1, EVENTS + 3))
                assert [event.body for event in one.events[2:]] == list(range(EVENTS))
        finally:
            await store.close()
            await asyncio.to_thread(plain.close)


async def test_a_line_that_is_deaf_costs_a_look_and_no_event(
    tmp_path: Path, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What rings is lost without a word, as from a server that is no primary any more."""
    with Standalone(None, tmp_path / "server", appendonly=False) as server:
        async with AsyncSessionStore.connect(server.url, buckets=4) as store:
            jobs, heard = AsyncJobs(store), Heard()
            session = await store.create("a")
            await jobs.sink(session, heard)
            await jobs.submit(session, "A.B")
            await until(lambda: heard.types == ["queued"], "it hears")
            rings = store._driver.ringing
            line = next(iter(rings._lines.values()))
            monkeypatch.setattr(line, "_take", lambda reply: None)
            line._wire._take = lambda reply: setattr(line, "_heard_at", time.monotonic())
            with hand_at(server.url, "ss", 4) as hand:
                running = hand.start()
                for number in range(2, 6):
                    await until(lambda n=number: len(heard.events) >= n, "it looks")
                    running.report(("log", number))
                monkeypatch.undo()
                await until(lambda: heard.sequence == [1, 2, 3, 4, 5, 6], "it has all")


async def test_an_answer_that_cannot_be_given_now_is_given_later(
    tmp_path: Path, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Any] = []

    def handler(*_: Any) -> str:
        server.kill9()
        return "blue"

    with Standalone(None, tmp_path / "server") as server:
        async with AsyncSessionStore.connect(server.url, buckets=4) as store:
            jobs = AsyncJobs(store)
            session = await store.create("a", timeout=3600)
            await jobs.submit(session, "A.B")
            sink = await jobs.sink(session, handler, types=["ask"])
            with hand_at(server.url, "ss", 4) as hand:
                running = hand.start(lease_ms=3_600_000)
                give = sink._delivering._give
                monkeypatch.setattr(
                    sink._delivering, "_give", lambda *said: tried.append(said) or give(*said)
                )
                running.ask("q")
                await until(lambda: len(tried) > 1, "it tries again", timeout=30)
                await asyncio.to_thread(server.start)
                await until(lambda: running.answer("q"), "it is answered", timeout=30)
                assert decode(running.answer("q"), "") == {"value": "blue"}


@pytest.mark.slow
async def test_nothing_is_missed_over_a_failover(tmp_path: Path, runner: asyncio.Runner) -> None:
    with Sentinels(tmp_path) as sentinels:
        async with AsyncSessionStore.connect(sentinels.url, buckets=4) as store:
            jobs, heard = AsyncJobs(store), Heard()
            session = await store.create("a", timeout=3600)
            await jobs.sink(session, heard)
            await jobs.submit(session, "A.B")
            await until(lambda: heard.types == ["queued"], "it hears")
            with hand_at(sentinels.url, "ss", 4) as hand:
                running = hand.start(lease_ms=3_600_000)
                await until(lambda: heard.types[1:] == ["running"], "it hears")
                replica = sentinels.replica
                await until(lambda: sentinels.primary.ask("WAIT", 1, 1000), "it is copied")
                await asyncio.to_thread(sentinels.primary.kill9)
                await until(lambda: sentinels.primary is replica, "it takes over", timeout=30)
                report = running.next_report(("log", 1))

                def sent() -> bool:
                    try:
                        return running.send(report) == ""
                    except StoreUnavailable:
                        return False

                await until(lambda: asyncio.to_thread(sent), "it is told", timeout=30)
                await until(lambda: heard.types[2:] == ["log"], "it hears", timeout=30)
