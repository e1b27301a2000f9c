"""Beyond the page that one script looks at: more sessions than that, of one owner and of all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sessionstore import QuotaExceeded, SessionEnded
from sessionstore._core import sessions
from sessionstore._core.keys import ticket
from sessionstore._core.operation import batch
from sessionstore._core.records import Opened
from sessionstore._core.store import now
from tests.support.wait import wait_until
from tests.support.worlds import World

PAGE = 500
"""So many sessions of an owner does one script look at."""


def crowd(
    world: World, names: str, many: int, *, owner: str = "alice", held: bool = False,
    timeout: int | None = None,
) -> None:  # fmt: skip
    """Make many sessions in few round trips."""
    driver = world.driver()
    how: dict[str, Any] = {"timeout_ms": timeout, "lifetime_ms": None, "opened": held}
    homes = [world.keys.named(f"{names}{number}", owner) for number in range(many)]
    makes = [
        sessions.create(home, ticket(), "crowd", owner, seat="", written={}, **how)
        for home in homes
    ]
    for first in range(0, many, 50):
        assert all(isinstance(one, Opened) for one in driver.run(batch(makes[first:][:50])))
    if timeout is not None:
        end = driver.do(now(world.keys)) + timeout
        wait_until(lambda: driver.do(now(world.keys)) > end, "they have timed out")


def lags(world: World, names: str, many: int) -> None:
    """Let the indexes lag behind, as they do while sessions are held for long."""
    bucket = world.home(f"alice:{names}0").bucket
    due = dict.fromkeys((f"alice:{names}{number}" for number in range(many)), world.now() - 60_000)
    for index in (bucket.index, bucket.owned("alice")):
        world.raw.zadd(index, due)


async def make(store: Any, *names: str, owner: str = "alice") -> None:
    for id in names:
        await store.create(id=id, owner=owner, open=False)


async def names_of(store: Any, owner: str | None = "alice") -> set[str]:
    return {info.id async for info in store.list(owner)}


# Of one owner


async def test_a_lowered_limit_evicts_as_many_as_need_be(store: Any, world: World) -> None:
    crowd(world, "old", 50)
    crowd(world, "new", 550)
    for number in range(50):
        world.age(f"alice:old{number}", 100)
    for number in range(20):
        world.age(f"alice:new{number}", -60 - number)
    await store.configure(max_per_owner=21, at_limit="evict")
    await make(store, "one more")
    assert await names_of(store) == {f"new{number}" for number in range(20)} | {"one more"}
    with pytest.raises(SessionEnded, match="evicted"):
        await store.read("old7", "alice")


async def test_the_least_recently_active_is_found_behind_those_that_are_held(
    store: Any, world: World
) -> None:
    crowd(world, "held", PAGE, held=True)
    crowd(world, "idle", 100)
    world.age("alice:idle42", 100)
    world.age("alice:idle43", 99)
    lags(world, "held", PAGE)
    await store.configure(max_per_owner=PAGE + 100, at_limit="evict")
    await make(store, "one more")
    there = await names_of(store)
    assert len(there) == PAGE + 100
    assert "idle42" not in there
    assert "idle43" in there


@pytest.mark.parametrize("at_limit", ["refuse", "evict"])
async def test_no_create_is_refused_for_those_that_timed_out_behind_those_that_are_held(
    store: Any, world: World, at_limit: str
) -> None:
    crowd(world, "held", PAGE, held=True)
    lags(world, "held", PAGE)
    crowd(world, "dead", 100, timeout=1)
    await store.configure(max_per_owner=PAGE + 1, at_limit=at_limit)
    await make(store, "one more")
    await store.open("one more", "alice")
    with pytest.raises(QuotaExceeded):
        await make(store, "too many")
    assert await store.count("alice") == PAGE + 1


async def test_a_crowd_that_is_held_refuses_and_loses_none(store: Any, world: World) -> None:
    crowd(world, "held", PAGE + 20, held=True)
    crowd(world, "idle", 20)
    await store.configure(max_per_owner=PAGE, at_limit="evict")
    with pytest.raises(QuotaExceeded) as caught:
        await make(store, "one more")
    assert (caught.value.limit, caught.value.value) == ("owner", PAGE)
    assert await store.count("alice") == PAGE + 40


async def test_a_move_makes_room_among_a_crowd(store: Any, world: World) -> None:
    crowd(world, "idle", PAGE + 100)
    world.age("alice:idle42", 100)
    await store.configure(max_per_owner=PAGE + 100, at_limit="evict")
    session = await store.create(id="moves", owner="bob")
    await session.close(owner="alice")
    there = await names_of(store)
    assert len(there) == PAGE + 100
    assert "moves" in there
    assert "idle42" not in there


@pytest.mark.parametrize("limit", [PAGE + 60, 50])
async def test_racing_creates_among_a_crowd_all_find_room(
    store: Any, world: World, limit: int
) -> None:
    crowd(world, "idle", PAGE + 60)
    await store.configure(max_per_owner=limit, at_limit="evict")
    await asyncio.gather(*(make(store, f"more{number}") for number in range(8)))
    there = await names_of(store)
    assert len(there) == limit
    assert {f"more{number}" for number in range(8)} <= there


# Of all


@pytest.mark.parametrize(("limit", "owner"), [("max_private", "alice"), ("max_public", "*")])
async def test_a_lowered_limit_of_all_evicts_as_many_as_need_be(
    store: Any, world: World, limit: str, owner: str
) -> None:
    crowd(world, "old", 280, owner=owner)
    crowd(world, "new", 20, owner=owner)
    for number in range(20):
        world.age(f"{owner}:new{number}", -60 - number)
    await store.configure(**{limit: 300}, at_limit="evict")
    await store.configure(**{limit: 21})
    await make(store, "one more", owner=owner)
    assert await names_of(store, owner) == {f"new{number}" for number in range(20)} | {"one more"}


async def test_a_full_pool_that_is_held_refuses_and_loses_none(store: Any, world: World) -> None:
    crowd(world, "held", 60, held=True)
    crowd(world, "idle", 60)
    await store.configure(max_private=120, at_limit="evict")
    await store.configure(max_private=50)
    with pytest.raises(QuotaExceeded) as caught:
        await make(store, "one more")
    assert (caught.value.limit, caught.value.value) == ("private", 50)
    assert await store.count() == 120


async def test_the_idle_are_found_behind_a_page_of_seats_that_are_held(
    store: Any, world: World
) -> None:
    crowd(world, "held", 120, held=True)
    crowd(world, "idle", 5)
    await store.configure(max_private=125, at_limit="evict")
    world.age("alice:idle3", 1)
    await make(store, "a")
    assert "idle3" not in await names_of(store)
    await make(store, "b", "c", "d", "e")
    assert await names_of(store) >= {"a", "b", "c", "d", "e"}
    assert await store.count() == 125


async def test_the_seats_of_all_who_ended_are_given_back_before_anybody_is_evicted(
    store: Any, world: World
) -> None:
    crowd(world, "idle", 2 * PAGE + 200)
    await store.configure(max_private=300, max_per_owner=10, at_limit="evict")
    await make(store, "one more")
    assert await store.count() == 10


async def test_seats_of_keys_that_expired_unseen_are_given_back_by_hundreds(
    store: Any, world: World
) -> None:
    await store.configure(max_private=200)
    await make(store, *(f"a{number}" for number in range(120)))
    for number in range(120):
        world.age(f"alice:a{number}", 5000)
        assert not world.fields(f"alice:a{number}")
    await store.configure(max_private=1)
    await make(store, "a0")  # under a name that was there before
    assert await store.count() == 1
    await store.delete("a0", "alice")
    await make(store, "b")
    with pytest.raises(QuotaExceeded):
        await make(store, "c")


@pytest.mark.parametrize("limit", [120, 20])
async def test_racing_creates_at_a_limit_of_all_evict_no_more_than_they_need(
    store: Any, world: World, limit: int
) -> None:
    crowd(world, "idle", 120)
    await store.configure(max_private=limit, at_limit="evict")
    await asyncio.gather(*(make(store, f"more{number}") for number in range(8)))
    there = await names_of(store)
    assert len(there) == limit
    assert {f"more{number}" for number in range(8)} <= there


# What goes through all


async def test_a_crowd_is_counted_listed_and_ended_to_the_last(store: Any, world: World) -> None:
    crowd(world, "idle", 700)
    crowd(world, "held", 600, held=True)
    lags(world, "held", 600)
    assert await store.count("alice") == await store.count() == 1300
    assert len([info async for info in store.list("alice")]) == 1300
    assert await store.end_all("alice") == 1300
    assert await names_of(store) == {f"held{number}" for number in range(600)}
