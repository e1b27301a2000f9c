"""Parameters are decided in one place, whoever configures at once or is killed meanwhile."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sessionstore import Parameters, QuotaExceeded
from tests.support.worlds import Client, World, run_until

OWNERS = ("alice", "bob", "carol", "dave", "erin", "frank")


async def make(store: Any, *names: str, owner: str = "alice") -> None:
    for id in names:
        await store.create(id=id, owner=owner, open=False)


async def made(store: Any, tries: int, owner: str = "alice") -> int:
    """Return how many sessions can be made before one is refused; they are ended again."""
    names: list[str] = []
    try:
        for number in range(tries):
            await make(store, f"try{number}", owner=owner)
            names.append(f"try{number}")
    except QuotaExceeded:
        pass
    for name in names:
        await store.delete(name, owner)
    return len(names)


def one_set(world: World) -> None:
    """See that every bucket has the same parameters."""
    there = [world.raw.hgetall(bucket.parameters) for bucket in world.keys.buckets]
    assert all(one == there[0] for one in there), there


def configuring(world: World, store: Any, **changes: Any) -> Client:
    return Client(world.driver(), store._calls.configure(changes))


@pytest.mark.parametrize("seed", range(6))
async def test_of_two_at_once_one_comes_last_everywhere(
    store: Any, world: World, seed: int
) -> None:
    chance = random.Random(seed)
    one = {"max_per_owner": 2, "max_private": 4, "timeout": 5}
    other = {"max_per_owner": 3, "max_private": None, "lease": 9}
    both = [configuring(world, store, **one), configuring(world, store, **other)]
    while going := [client for client in both if client.step is not None]:
        chance.choice(going).goes()
    for client in both:
        client.ends()
    found = await store.parameters()
    first = replace(Parameters(), max_per_owner=3, timeout=timedelta(seconds=5))
    then = replace(first, max_per_owner=2, max_private=4)
    both_set = [replace(last, lease=timedelta(seconds=9)) for last in (first, then)]
    assert found in both_set, found
    one_set(world)
    for owner in OWNERS:
        assert await made(store, 5, owner) == found.max_per_owner
    assert await made(store, 6, "") == (found.max_private or 6)


@pytest.mark.parametrize("before", [None, 3])
@pytest.mark.parametrize("after", [None, 4])
async def test_limits_of_all_set_at_once_do_not_leave_a_pool_without_its_limit(
    store: Any, world: World, before: int | None, after: int | None
) -> None:
    await store.configure(max_private=before)
    await make(store, "a", "b")
    for stop in range(1, 12):
        slow = configuring(world, store, max_private=9)
        for _ in range(stop):
            slow.goes()
        await store.configure(max_private=after)
        slow.ends()
        assert (await store.parameters()).max_private == after
        assert await made(store, 6, "bob") == (6 if after is None else after - 2)
        await store.configure(max_private=before)


@pytest.mark.parametrize("looks", ["parameters", "configure", "sweep"])
@pytest.mark.parametrize("steps", range(1, 10))
async def test_what_somebody_who_was_killed_began_is_completed(
    store: Any, world: World, steps: int, looks: str
) -> None:
    await make(store, "a")
    await store.create(id="long", owner="", timeout=1000, open=False)
    changes = {"max_private": 3, "max_per_owner": 2, "max_timeout": 100}
    run_until(world.driver(), store._calls.configure(changes), steps)
    match looks:
        case "parameters":
            assert (await store.parameters()).max_private == 3
        case "configure":
            await store.configure(linger=30)
        case "sweep":
            await store.sweep()
    one_set(world)
    assert (await store.parameters()).max_private == 3
    index = world.home(":long").bucket.index
    assert world.raw.zscore(index, ":long") < world.now() + 101_000
    assert await made(store, 5, "bob") == 1
    await store.delete("a", "alice")
    assert await made(store, 5, "bob") == 2


async def test_a_store_that_is_connected_to_has_no_bucket_behind(store: Any, world: World) -> None:
    run_until(world.driver(), store._calls.configure({"max_per_owner": 2}), 1)
    await world.connect()
    one_set(world)
    for owner in OWNERS:
        assert await made(store, 3, owner) == 2


@pytest.mark.parametrize("lost", ["a bucket", "the store", "a pool"])
async def test_a_sweep_brings_together_what_a_failover_set_back(
    store: Any, world: World, lost: str
) -> None:
    """A server that fails may forget its last writes, and the others remember theirs."""
    await store.configure(max_private=5)
    pool = world.keys.pool("private")
    name = {
        "a bucket": world.keys.bucket_of("bob").parameters,
        "the store": world.keys.store,
        "a pool": pool.limit,
    }[lost]
    old = world.raw.hgetall(name)
    await store.configure(max_private=2, max_per_owner=1)
    await make(store, "a")
    world.raw.delete(name)
    world.raw.hset(name, mapping=old)
    if lost == "a pool":
        world.raw.delete(pool.seats)
    await store.sweep()
    one_set(world)
    found = await store.parameters()
    assert found.max_private == (5 if lost == "the store" else 2)
    assert await made(store, 6, "") == found.max_private - 1
    assert await made(store, 3, "bob") == (3 if lost == "the store" else 1)


async def test_to_set_what_is_set_already_costs_one_round_trip(store: Any, world: World) -> None:
    await store.configure(max_per_owner=3, timeout=60, max_private=None)
    client = configuring(world, store, max_per_owner=3, timeout=60)
    client.goes()
    assert client.ends().max_per_owner == 3
    assert client.step is None
    with world.wire(store) as sent:
        await store.configure(max_per_owner=3)
        assert await store.parameters() == client.value
    assert len(sent) == 2
