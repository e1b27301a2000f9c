"""One thread: open, change one attribute, close; beside two bare EVALSHA, and beside peers."""

from __future__ import annotations

from collections.abc import Iterator

import redis

from benchmarks.measuring import Result, alternate, at_least, own_cpu, rate, ratios
from benchmarks.peers.bare import bare_pair
from benchmarks.peers.blob import blob, locked_blob
from benchmarks.peers.flask_session import flask_session
from benchmarks.work import cycle_of
from sessionstore import SessionStore
from sessionstore.embedded import EmbeddedServer

OURS = "sessionstore"
BARE = "two bare EVALSHA"
FLASK = "Flask-Session 0.8 (no lock)"
UNLOCKED = "GET + SET (no lock)"
LOCKED = "redis-py Lock + GET + SET"


def run(quick: bool) -> Iterator[Result]:
    times, rounds = (200, 7) if quick else (1000, 21)
    with (
        EmbeddedServer() as server,
        SessionStore.connect(server.url) as store,
        redis.Redis.from_url(server.url) as client,
    ):
        ours, bare, flask = cycle_of(store), bare_pair(client), flask_session(client, times)
        locked, unlocked = locked_blob(client), blob(client)
        for cycle in (ours, bare, locked, unlocked):
            rate(cycle, times // 3)
        medians, found = alternate(
            {
                OURS: lambda: rate(ours, times),
                BARE: lambda: rate(bare, times),
                FLASK: lambda: rate(flask(), times),
                LOCKED: lambda: rate(locked, times),
                UNLOCKED: lambda: rate(unlocked, times),
            },
            rounds,
        )
        spent, _ = alternate(
            {
                OURS: lambda: own_cpu(ours, times),
                BARE: lambda: own_cpu(bare, times),
                FLASK: lambda: own_cpu(flask(), times),
                LOCKED: lambda: own_cpu(locked, times),
                UNLOCKED: lambda: own_cpu(unlocked, times),
            },
            rounds // 3,
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
    yield Result("the same: CPU of the app server, a cycle", "us", spent, ())
