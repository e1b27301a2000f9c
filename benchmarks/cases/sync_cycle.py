"""One thread: open, change one attribute, close; beside two bare EVALSHA, and beside peers."""

from __future__ import annotations

from collections.abc import Iterator

import redis

from benchmarks.measuring import Result, alternate, at_least, rate, ratios
from benchmarks.peers.bare import bare_pair
from benchmarks.peers.blob import blob, locked_blob
from benchmarks.peers.flask_session import flask_rate
from benchmarks.work import cycle_of
from sessionstore import SessionStore
from sessionstore.embedded import EmbeddedServer

OURS = "sessionstore"
BARE = "two bare EVALSHA"
FLASK = "Flask-Session 0.8 (no lock)"
LOCKED = "redis-py Lock + GET + SET"


def run(quick: bool) -> Iterator[Result]:
    times, rounds = (200, 7) if quick else (1000, 21)
    with (
        EmbeddedServer() as server,
        SessionStore.connect(server.url) as store,
        redis.Redis.from_url(server.url) as client,
    ):
        ours, bare, flask = cycle_of(store), bare_pair(client), flask_rate(client)
        locked, unlocked = locked_blob(client), blob(client)
        for cycle in (ours, bare, locked, unlocked):
            rate(cycle, times // 3)
        medians, found = alternate(
            {
                OURS: lambda: rate(ours, times),
                BARE: lambda: rate(bare, times),
                FLASK: lambda: flask(times),
                LOCKED: lambda: rate(locked, times),
                "GET + SET (no lock)": lambda: rate(unlocked, times),
            },
            rounds,
        )
    yield Result(
        "open + change + close, sync, 1 thread",
        "cycles/s",
        medians,
        (
            at_least(0.85, ratios(found, OURS, BARE), f"x {BARE}"),
            at_least(1.0, ratios(found, OURS, FLASK), f"x {FLASK}"),
            at_least(1.8, ratios(found, OURS, LOCKED), f"x {LOCKED}"),
        ),
    )
