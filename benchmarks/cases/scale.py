"""What a cycle costs as the store grows, and a sweep of many sessions that fall due at once.

A small store stays beside one that grows, and both are measured in turns, with as many sessions of
10 attributes that are opened one after the other, over and over. All others are empty, and each is
of another owner.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import cycle as endless

import redis

from benchmarks.cases.server_cpu import cpu, cpu_of
from benchmarks.measuring import Result, alternate, at_most, percentile, rate, ratios
from benchmarks.work import ATTRIBUTES, CHANGED, make_many, next_value
from sessionstore import AsyncSessionStore, SessionStore
from sessionstore.embedded import EmbeddedServer

SMALL = 1000
OPENED = 500
PATIENT = 3600.0
LONG = 6 * 3600.0
"""Timeouts, in seconds, that no session of the run reaches."""

WRITERS = 4

PLAIN = "x" * 1000
"""As large as a session that is opened."""

LARGE_STORE = "large store"
SMALL_STORE = f"store of {SMALL:,}"


def run(quick: bool) -> Iterator[Result]:
    sizes = (5_000, 50_000) if quick else (10_000, 100_000, 1_000_000)
    times, rounds = (300, 7) if quick else (1000, 15)
    with ExitStack() as stack:
        small, large = Place(stack), Place(stack)
        cost: dict[str, list[tuple[float, float]]] = {"time": []}
        shown = ("x server CPU", "x server CPU of a plain GET + SET")
        result = None
        for size in (SMALL, *sizes):
            large.grow(size)
            result = compared(small, large, times, rounds)
            cost["time"].append((size, result.aims[0].figure))
            for name in shown:
                ratio = float(str(result.details[name]))
                cost.setdefault(name.removeprefix("x "), []).append((size, ratio))
        assert result is not None
        yield Result(result.title, result.unit, result.figures, result.aims, result.details, cost)
        yield swept(large, 1_000 if quick else 20_000, 3 if quick else 5)


class Place:
    """A server with a store in it, and the sessions there that are opened."""

    def __init__(self, stack: ExitStack) -> None:
        server = stack.enter_context(EmbeddedServer())
        self.url = server.url
        self.store = stack.enter_context(SessionStore.connect(server.url))
        self.client = stack.enter_context(redis.Redis.from_url(server.url))
        self.size = OPENED
        ids = []
        for _ in range(OPENED):
            with self.store.create(data=ATTRIBUTES, timeout=PATIENT) as session:
                ids.append(session.id)
        self._ids = endless(ids)
        self._plain = endless(f"plain{number}" for number in range(OPENED))
        for number in range(OPENED):
            self.client.set(f"plain{number}", PLAIN)
        self.grow(SMALL)

    def cycle(self) -> None:
        with self.store.open(next(self._ids)) as session:
            session[CHANGED] = next_value()

    def plain(self) -> None:
        """Do what knows nothing of sessions: two commands of the server."""
        name = next(self._plain)
        self.client.get(name)
        self.client.set(name, PLAIN)

    def grow(self, size: int) -> None:
        """Fill up to so many sessions, from more than one process."""
        spawning = multiprocessing.get_context("spawn")
        share = (size - self.size) // WRITERS
        writers = [
            spawning.Process(target=make_many, args=(self.url, share, f"{size}-{number}-", LONG))
            for number in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
            assert writer.exitcode == 0
        self.size = size
        while self.client.info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(0.1)  # it is not the cycle that is slow then


def compared(small: Place, large: Place, times: int, rounds: int) -> Result:
    places = {LARGE_STORE: large, SMALL_STORE: small}
    for place in places.values():
        rate(place.cycle, OPENED)
    medians, found = alternate(
        {name: partial(cost_of, place, times) for name, place in places.items()},
        rounds,
    )
    _, spent = alternate(
        {name: partial(cpu_of, place.client, place.cycle, times) for name, place in places.items()},
        rounds,
    )
    _, plain = alternate(
        {name: partial(cpu_of, place.client, place.plain, times) for name, place in places.items()},
        rounds,
    )
    server = at_most(1.1, ratios(spent, LARGE_STORE, SMALL_STORE), "")
    engine = at_most(1.1, ratios(plain, LARGE_STORE, SMALL_STORE), "")
    return Result(
        f"open + change + close at {large.size:,} sessions",
        "us",
        medians,
        (at_most(1.1, ratios(found, LARGE_STORE, SMALL_STORE), f"x {SMALL_STORE}"),),
        {
            "x server CPU": round(server.figure, 3),
            "x server CPU of a plain GET + SET": round(engine.figure, 3),
        },
    )


def cost_of(place: Place, times: int) -> float:
    return 1e6 / rate(place.cycle, times)


def swept(place: Place, due: int, rounds: int) -> Result:
    """End sessions that fall due at one moment; all of them, and tell of each."""
    store = place.store
    store.configure(max_events=1000)  # so that all can be counted afterwards
    seconds, server, answers = [], [], []
    for number in range(rounds):
        make_due(place.url, due, f"due{number}-")
        reader = store.events()
        for _ in reader:
            pass
        before, begun = cpu(place.client), time.perf_counter()
        ended = store.sweep()
        seconds.append(time.perf_counter() - begun)
        server.append(cpu(place.client) - before)
        told = sum(event.kind == "expired" for event in store.events(since=reader.cursor))
        assert told == due, (told, due)
        answers.append(ended)
    return Result(
        f"sweep of {due:,} sessions that fall due at once, among {place.size:,} others",
        "s",
        {"until all are ended": percentile(seconds, 50), "server CPU": percentile(server, 50)},
        (at_most(1.0, seconds, "s"),),
        {
            "events told": due,
            "least number that sweep() answered": min(answers),
            "slowest round (s)": round(max(seconds), 3),
        },
    )


def make_due(url: str, sessions: int, prefix: str) -> None:
    """Make sessions that fall due at one moment, and return after it."""
    moment = time.monotonic() + 2 + sessions / 1000
    asyncio.run(_make_due(url, sessions, prefix, moment))
    assert time.monotonic() < moment, "this machine makes sessions too slowly for this"
    time.sleep(moment - time.monotonic() + 0.1)


async def _make_due(url: str, sessions: int, prefix: str, moment: float) -> None:
    async with AsyncSessionStore.connect(url) as store:
        for first in range(0, sessions, 500):
            timeout = moment - time.monotonic()
            numbers = range(first, min(first + 500, sessions))
            await asyncio.gather(
                *(
                    store.create(owner=f"{prefix}{number}", timeout=timeout, open=False)
                    for number in numbers
                )
            )
