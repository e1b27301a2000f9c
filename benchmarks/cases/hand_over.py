"""From just before a release to the next line of code of a waiter in another process.

Ours hands the session over, loaded. The `Lock` of redis-py is acquired and nothing more; its
waiters ask again every 0.1 s by default, or as often as they are told to. The release comes at a
random moment after the waiter has begun to wait, so that no waiter knows when to look.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from multiprocessing.connection import Connection
from typing import Any

import redis

from benchmarks.measuring import Result, at_most, percentile
from benchmarks.work import ATTRIBUTES
from sessionstore import SessionStore
from sessionstore.embedded import EmbeddedServer

OURS = "sessionstore"
WAYS = {OURS: 0.0, "redis-py Lock": 0.1, "redis-py Lock, sleep 0.01 s": 0.01}
NAME = "handed"
WAIT = 30.0

Take = Callable[[], AbstractContextManager[Any]]


def run(quick: bool) -> Iterator[Result]:
    times = 40 if quick else 250
    taken: dict[str, list[float]] = {}
    with EmbeddedServer() as server:
        with (
            SessionStore.connect(server.url) as store,
            store.create(NAME, data=ATTRIBUTES, timeout=3600),
        ):
            pass
        for way in WAYS:
            taken[way] = [took * 1000 for took in hand_overs(server.url, way, times)]
    yield Result(
        "hand-over to a waiter in another process",
        "ms",
        {f"{way}, p{at}": percentile(found, at) for way, found in taken.items() for at in (50, 99)},
        (at_most(1.0, taken[OURS], "ms, p50"),),
        {"hand-overs of each": times},
    )


def hand_overs(url: str, way: str, times: int) -> list[float]:
    """Return how long some hand-overs took."""
    spawning = multiprocessing.get_context("spawn")
    ours, its = spawning.Pipe()
    waiter = spawning.Process(target=wait_for_it, args=(url, way, its), daemon=True)
    waiter.start()
    ours.recv()
    found = []
    with ExitStack() as stack:
        take = taking(url, way, stack)
        for number in range(times + 3):
            held = take()
            held.__enter__()
            ours.send("wait")
            ours.recv()
            time.sleep(0.02 + random.random() * (WAYS[way] or 0.02))
            begun = time.monotonic()
            held.__exit__(None, None, None)
            came = ours.recv() - begun
            if number >= 3:
                found.append(came)
    ours.send("")
    waiter.join()
    return found


def wait_for_it(url: str, way: str, its: Connection) -> None:
    """In the other process: wait whenever told to, tell when the wait was over."""
    with ExitStack() as stack:
        take = taking(url, way, stack)
        with take():  # connections are made, scripts are known
            pass
        its.send("ready")
        while its.recv():
            its.send("waiting")
            with take():
                now = time.monotonic()  # one clock for all processes of a machine
            its.send(now)


def taking(url: str, way: str, stack: ExitStack) -> Take:
    """Return what takes the session, or the lock."""
    if way == OURS:
        store = stack.enter_context(SessionStore.connect(url))
        return lambda: store.open(NAME, wait=WAIT)
    client = stack.enter_context(redis.Redis.from_url(url))
    return lambda: client.lock("lock:handed", timeout=30, sleep=WAYS[way], blocking_timeout=WAIT)
