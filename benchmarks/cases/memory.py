"""Memory of an empty, closed session of a user with all its indexes, each of another user.

What is counted is all that the server's memory grows by: keys, expiries and indexes, and with ours
also what is constant: the buckets, their events, the parameters.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import redis

from benchmarks.measuring import Aim, Result
from benchmarks.peers import layouts
from benchmarks.work import make_used
from sessionstore.embedded import EmbeddedServer

OURS = "sessionstore"
SPRING = "Spring Session indexed (its layout)"
FLASK = "Flask-Session (its layout, no indexes)"


def run(quick: bool) -> Iterator[Result]:
    sessions = 20_000 if quick else 100_000
    writers: dict[str, Callable[[str, int], None]] = {
        OURS: ours,
        SPRING: partial(write, layout=layouts.spring),
        FLASK: partial(write, layout=layouts.flask),
    }
    figures = {name: grown(writer, sessions) for name, writer in writers.items()}
    at_hundred_thousand = Aim(figures[OURS], 420, False, "bytes (on Valkey 9.1)")
    beside = Aim(figures[OURS] / figures[SPRING], 0.5, False, f"x {SPRING}")
    yield Result(
        f"memory of an empty owned session with all its indexes, {sessions:,} of them",
        "bytes",
        figures,
        (at_hundred_thousand, beside)[quick:],  # with few of them, what is constant counts for more
    )


def ours(url: str, sessions: int) -> None:
    make_used(url, sessions)
    # Receipts of creates are there for a minute. They are not part of a session, so that is over.
    with redis.Redis.from_url(url) as client:
        while any(client.scan_iter("*}c", count=10_000)):
            time.sleep(1)


def grown(writer: Callable[[str, int], None], sessions: int) -> float:
    """Return by how much the memory of a new server grows, for each session."""
    with EmbeddedServer() as server, redis.Redis.from_url(server.url) as client:
        writer(server.url, 1)
        before = used(client)
        writer(server.url, sessions)
        return (used(client) - before) / sessions


def write(url: str, sessions: int, layout: Callable[[Any, int], None]) -> None:
    layouts.write(url, layout, sessions)


def used(client: redis.Redis) -> int:
    """Return the memory in use, without what the clients' connections have."""
    info: Any = client.info("memory")
    return int(info["used_memory"]) - int(info["mem_clients_normal"])
