"""What a cycle costs the server, by its own account of its processor time (INFO cpu).

This is what decides how many app servers one server can serve. It includes what the append-only
file and the network cost the server, and is hardly touched by other work on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import redis

from benchmarks.measuring import Result, alternate, at_most, rate, ratios
from benchmarks.peers.bare import bare_pair
from benchmarks.work import cycle_of
from sessionstore import SessionStore
from sessionstore.embedded import EmbeddedServer

OURS = "sessionstore"
BARE = "two bare EVALSHA"


def run(quick: bool) -> Iterator[Result]:
    times, rounds = (300, 7) if quick else (1500, 15)
    with (
        EmbeddedServer() as server,
        SessionStore.connect(server.url) as store,
        redis.Redis.from_url(server.url) as client,
    ):
        ours, bare = cycle_of(store), bare_pair(client)
        for cycle in (ours, bare):
            rate(cycle, times // 3)
        medians, found = alternate(
            {
                OURS: lambda: cpu_of(client, ours, times),
                BARE: lambda: cpu_of(client, bare, times),
            },
            rounds,
        )
        scripts = inside_scripts(client, ours, times)
    yield Result(
        "server CPU of open + change + close",
        "us",
        medians,
        (at_most(1.5, ratios(found, OURS, BARE), f"x {BARE}"),),
        {"of ours, inside scripts (us)": scripts},
    )


def cpu_of(client: redis.Redis, cycle: Callable[[], None], times: int) -> float:
    before = cpu(client)
    rate(cycle, times)
    return (cpu(client) - before) / times * 1e6


def cpu(client: redis.Redis) -> float:
    info: Any = client.info("cpu")
    return float(info["used_cpu_sys"]) + float(info["used_cpu_user"])


def inside_scripts(client: redis.Redis, cycle: Callable[[], None], times: int) -> float:
    client.config_resetstat()
    rate(cycle, times)
    stats: Any = client.info("commandstats")
    return round(float(stats["cmdstat_evalsha"]["usec"]) / times, 1)
