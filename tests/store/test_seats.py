"""A limit of all is never passed: not by one who was away for long, nor by what is on the move."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

import pytest

from sessionstore import QuotaExceeded, SessionStoreError
from tests.support.worlds import Client, World

SCRIPTS = {"create": "create", "move": "arrive"}


async def make(store: Any, *names: str, owner: str = "alice") -> None:
    for id in names:
        await store.create(id=id, owner=owner, open=False)


async def admits(store: Any, how_many: int) -> None:
    """See that so many more can be made, and not one more; they are ended again."""
    names = [f"more{number}" for number in range(how_many)]
    await make(store, *names, owner="")
    with pytest.raises(QuotaExceeded):
        await make(store, "too many", owner="")
    for name in names:
        await store.delete(name)


def grow_old(world: World, pool: str = "private") -> None:
    """Let half a minute go by for the seats that were taken."""
    fresh = world.keys.pool(pool).fresh
    for seat in world.raw.zrange(fresh, 0, -1):
        world.raw.zadd(fresh, {seat: 1})


async def beginner(store: Any, world: World, how: str) -> Client:
    """Return a client that is about to create a public session, or to make one public."""
    if how == "create":
        flow = store._calls.create("slow", "*", data={}, opened=False)
    else:
        session = await store.create(id="slow", owner="alice")
        flow = session._closing(None, "*", None)
    return Client(world.driver(), flow)


@pytest.mark.parametrize("how", SCRIPTS)
async def test_a_client_that_was_stopped_with_a_seat_takes_another_when_it_wakes_up(
    store: Any, world: World, how: str
) -> None:
    await store.configure(max_public=1)
    slow = await beginner(store, world, how)
    slow.comes_to(SCRIPTS[how], times=2)  # now it has a seat
    grow_old(world, "public")
    await make(store, "a", owner="*")
    with pytest.raises(QuotaExceeded):
        slow.ends()
    assert await store.count("*") == 1


async def test_one_whose_seat_was_freed_takes_another_if_there_is_one(
    store: Any, world: World
) -> None:
    await store.configure(max_public=1)
    slow = await beginner(store, world, "create")
    slow.comes_to("create", times=2)
    grow_old(world, "public")
    await make(store, "a", owner="*")
    await store.delete("a", "*")
    slow.ends()
    with pytest.raises(QuotaExceeded):
        await make(store, "b", owner="*")
    assert await store.count("*") == 1


async def test_a_seat_of_a_limit_that_was_lifted_meanwhile_is_none(
    store: Any, world: World
) -> None:
    await store.configure(max_public=2)
    slow = await beginner(store, world, "create")
    slow.comes_to("create", times=2)
    await store.configure(max_public=None)
    await make(store, "a", owner="*")
    await store.configure(max_public=1)
    with pytest.raises(QuotaExceeded):
        slow.ends()
    assert await store.count("*") == 1


async def test_a_create_that_is_done_while_its_seat_is_looked_at_keeps_it(
    store: Any, world: World
) -> None:
    await store.configure(max_public=1)
    slow = await beginner(store, world, "create")
    slow.comes_to("create", times=2)
    grow_old(world, "public")
    other = Client(world.driver(), store._calls.create("b", "*", data={}, opened=False))
    other.comes_to("take_seat", times=2)
    slow.ends()
    with pytest.raises(QuotaExceeded):
        other.ends()
    assert await store.count("*") == 1


# A limit that is set while a session moves

MOVES = {
    "given": ({"owner": "bob"}, "private"),
    "renamed": ({"id": "b"}, "private"),
    "made public": ({"owner": "*"}, "public"),
}


@pytest.mark.parametrize("fate", ["goes on", "dies"])
@pytest.mark.parametrize("steps", range(5))
@pytest.mark.parametrize("how", MOVES)
async def test_what_moves_while_a_limit_is_set_is_counted_once(
    store: Any, world: World, how: str, steps: int, fate: str
) -> None:
    change, pool = MOVES[how]
    session = await store.create(id="a", owner="alice")
    mover = Client(world.driver(), session._closing(change.get("id"), change.get("owner"), None))
    for _ in range(steps):
        mover.goes()
    await store.configure(max_private=2, max_public=2)
    if fate == "goes on":
        mover.ends()
    elif world.lease_end("alice:a"):
        world.lapse("alice:a")
    assert await store.count() == 1
    await store.sweep()
    seats = {name: world.raw.zcard(world.keys.pool(name).seats) for name in ("private", "public")}
    assert sum(seats.values()) == 1
    if fate == "goes on":
        assert seats[pool] == 1
    await admits(store, 2 - seats["private"])
    if fate == "dies":
        with suppress(SessionStoreError):  # it was only slow, and goes on
            mover.ends()
        assert await store.count() == 1
        await admits(store, 1 + await store.count("*"))


@pytest.mark.parametrize("steps", [1, 2, 3])
async def test_what_was_left_on_the_move_can_be_evicted(
    store: Any, world: World, steps: int
) -> None:
    await store.configure(max_private=1, at_limit="evict")
    session = await store.create(id="a", owner="alice")
    mover = Client(world.driver(), session._closing(None, "bob", None))
    for _ in range(steps):
        mover.goes()
    if world.lease_end("alice:a"):
        world.lapse("alice:a")
    grow_old(world)
    await make(store, "b", owner="carol")
    assert await store.count() == await store.count("carol") == 1
    with suppress(SessionStoreError):
        mover.ends()
    assert await store.count() == 1


@pytest.mark.parametrize("seed", range(12))
async def test_moves_and_limits_may_overtake_each_other_at_any_step(
    store: Any, world: World, seed: int
) -> None:
    chance = random.Random(seed)
    clients = []
    for owner in ("alice", "bob", "carol"):
        session = await store.create(id="a", owner=owner)
        clients.append(Client(world.driver(), session._closing(None, f"{owner}2", None)))
    await make(store, "stays", owner="dave")
    clients.append(Client(world.driver(), store._calls.configure({"max_private": 6})))
    while going := [client for client in clients if client.step is not None]:
        chance.choice(going).goes()
    for client in clients:
        client.ends()
    await store.sweep()
    assert world.raw.zcard(world.keys.pool("private").seats) == await store.count() == 4
    await admits(store, 2)


@pytest.mark.parametrize("turns", range(12))
async def test_a_create_that_is_cancelled_keeps_no_seat(
    store: Any, world: World, turns: int
) -> None:
    if world.shell != "async":
        pytest.skip("threads are not cancelled")
    await store.configure(max_private=1)
    creating = asyncio.create_task(store.create("a", open=False)._begin())
    for _ in range(turns):
        await asyncio.sleep(0)
    creating.cancel()
    with suppress(asyncio.CancelledError):
        await creating
    if await store.count():
        await store.delete("a")
    await store.create("b", open=False)
