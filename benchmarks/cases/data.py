"""Typed values beside bare msgpack; what is written of an object graph, or of a big session.

The bytes are those that the server received (INFO `total_net_input_bytes`), with all that is around
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgpack
import redis

from benchmarks.measuring import Aim, Result, alternate, at_most, own_cpu, rate, ratios
from benchmarks.work import ATTRIBUTES, CHANGED, next_value
from sessionstore import SessionStore, stored
from sessionstore.data import decode, encode
from sessionstore.embedded import EmbeddedServer

OURS = "encode + decode"
BARE = "msgpack.packb + unpackb"
OBJECTS = 1000


@stored("benchmark.Item")
@dataclass(eq=False)
class Item:
    text: str
    number: int = 0
    links: list[Item] = field(default_factory=list)


def run(quick: bool) -> Iterator[Result]:
    times, rounds = (2000, 15) if quick else (10_000, 31)
    medians, found = alternate(
        {OURS: lambda: own_cpu(typed, times), BARE: lambda: own_cpu(bare, times)}, rounds
    )
    aim = at_most(1.3, ratios(found, OURS, BARE), f"x {BARE}")
    yield Result("a session of 10 attributes as bytes and back", "us", medians, (aim,))
    with (
        EmbeddedServer() as server,
        SessionStore.connect(server.url) as store,
        redis.Redis.from_url(server.url) as client,
    ):
        yield graph(store, client)
        yield appended(store, *((200, 7) if quick else (1000, 21)))
        yield wide(store, *((100, 7) if quick else (500, 21)))


def typed() -> None:
    for name, value in ATTRIBUTES.items():
        decode(encode(value, name), name)


def bare() -> None:
    for value in ATTRIBUTES.values():
        msgpack.unpackb(msgpack.packb(value))


def graph(store: SessionStore, client: redis.Redis) -> Result:
    """Change one object among many."""
    items = [Item("x" * 100, number) for number in range(OBJECTS)]
    for item, following in zip(items, items[1:] + items[:1], strict=True):
        item.links = [following, items[0]]
    made = received(client, lambda: store.create("graph", data={"items": items}).close())

    def change() -> None:
        with store.open("graph") as session:
            session["items"][OBJECTS // 2].text = next_value()

    change()  # connections are made, scripts are known
    changed = received(client, change)
    spent = own_cpu(change, 5)
    return Result(
        f"an object graph of {OBJECTS:,} objects of which one changes",
        "bytes",
        {"written when it is made": made, "written when one changes": changed},
        (Aim(changed / made * 100, 1, False, "% of the bytes"),),
        {"CPU of the app server: open, change, close (us)": round(spent)},
    )


def appended(store: SessionStore, times: int, rounds: int) -> Result:
    """Append to lists of different lengths, each of a session of its own that stays open."""
    store.configure(max_bytes=None)
    names = {length: f"a list of {length:,}" for length in (1, 1000, 100_000)}
    costs = {}
    for length, name in names.items():
        there = store.create(name).list("items")
        there.append(*range(length))
        costs[name] = partial(took, partial(there.append, 1, cap=length + 1), times)
    medians, found = alternate(costs, rounds)
    aims = [
        at_most(1.1, ratios(found, names[length], names[1]), f"x {names[1]} ({names[length]})")
        for length in (1000, 100_000)
    ]
    return Result("append to a list", "us", medians, aims)


def wide(store: SessionStore, times: int, rounds: int) -> Result:
    """Ask for one attribute of many, and change it."""
    names = {count: f"{count:,} attributes" for count in (10, 1000)}
    cycles = {name: cycle(store, count) for count, name in names.items()}
    for one in cycles.values():
        rate(one, times // 3)
    medians, found = alternate(
        {name: partial(took, one, times) for name, one in cycles.items()}, rounds
    )
    aim = at_most(1.5, ratios(found, names[1000], names[10]), f"x {names[10]}")
    return Result("open + change + close with fields=", "us", medians, (aim,))


def took(work: Callable[[], object], times: int) -> float:
    return 1e6 / rate(work, times)


def cycle(store: SessionStore, count: int) -> Callable[[], None]:
    data: dict[str, Any] = {f"attribute{number}": "x" * 95 for number in range(count)}
    id = f"wide {count}"
    store.create(id, data=data).close()

    def one() -> None:
        with store.open(id, fields=[CHANGED]) as session:
            session[CHANGED] = next_value()

    return one


def received(client: redis.Redis, work: Callable[[], object]) -> float:
    """Return how many bytes the server received by some work."""
    before = total(client)
    work()
    between = total(client)
    return between - before - (total(client) - between)  # without the question


def total(client: redis.Redis) -> float:
    info: Any = client.info("stats")
    return float(info["total_net_input_bytes"])
