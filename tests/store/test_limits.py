"""The limits of the whole store are exact, and no dead session holds a seat."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sessionstore import QuotaExceeded, SessionEnded, SessionExists, ValueTooLarge
from tests.support.worlds import World

GLOBAL = pytest.mark.parametrize(("limit", "owner"), [("max_private", ""), ("max_public", "*")])


async def ids(listing: Any) -> list[str]:
    return sorted([info.id async for info in listing])


async def make(store: Any, *names: str, owner: str = "alice", **more: Any) -> None:
    for id in names:
        await store.create(id=id, owner=owner, open=False, **more)


@GLOBAL
async def test_a_full_store_refuses(store: Any, limit: str, owner: str) -> None:
    await store.configure(**{limit: 2})
    await make(store, "a", "b", owner=owner)
    with pytest.raises(QuotaExceeded) as caught:
        await make(store, "c", owner=owner)
    assert (caught.value.limit, caught.value.value) == (limit.removeprefix("max_"), 2)
    await make(store, "x", "y", "z", owner="*" if owner == "" else "alice")
    assert await store.count() == 5


@GLOBAL
async def test_a_full_store_evicts_the_least_recently_active(
    store: Any, world: World, limit: str, owner: str
) -> None:
    await store.configure(**{limit: 3}, at_limit="evict")
    await make(store, "a", "b", "c", owner=owner)
    for age, id in enumerate("cba"):
        world.age(f"{owner}:{id}", age + 1)
    held = await store.open("a", owner=owner)
    await store.touch("b", owner=owner)
    await make(store, "d", owner=owner)
    assert await ids(store.list(owner)) == ["a", "b", "d"]
    with pytest.raises(SessionEnded, match="evicted"):
        await store.open("c", owner=owner)
    await held.close()


async def test_a_lapsed_lease_is_activity_up_to_its_end(store: Any, world: World) -> None:
    await store.configure(max_private=2, at_limit="evict")
    await make(store, "old", "newer")
    world.age("alice:old", 50)
    world.age("alice:newer", 20)
    await store.open("old", owner="alice", lease=30)
    world.lapse("alice:old")
    await make(store, "c")
    assert await ids(store.list()) == ["c", "old"]


@GLOBAL
async def test_a_store_full_of_open_sessions_evicts_none(
    store: Any, limit: str, owner: str
) -> None:
    await store.configure(**{limit: 1}, at_limit="evict")
    held = await store.create(id="a", owner=owner)
    with pytest.raises(QuotaExceeded):
        await make(store, "b", owner=owner)
    await held.close()
    await make(store, "b", owner=owner)


@pytest.mark.parametrize("how", ["deleted", "timed out", "swept", "expired"])
@GLOBAL
async def test_a_seat_is_free_when_its_session_is_over(
    store: Any, world: World, limit: str, owner: str, how: str
) -> None:
    await store.configure(**{limit: 1})
    await make(store, "a", owner=owner)
    match how:
        case "deleted":
            await store.delete("a", owner=owner)
        case "timed out":
            world.age(f"{owner}:a", 1000)
        case "swept":
            world.age(f"{owner}:a", 1000)
            assert await store.sweep() == 1
        case "expired":
            world.age(f"{owner}:a", 5000)
            assert not world.fields(f"{owner}:a")
    await make(store, "b", owner=owner)
    assert await store.count() == 1
    with pytest.raises(QuotaExceeded):
        await make(store, "c", owner=owner)


async def test_end_all_frees_seats(store: Any) -> None:
    await store.configure(max_private=2)
    await make(store, "a", "b")
    assert await store.end_all("alice") == 2
    await make(store, "c", "d")


async def test_an_expired_key_frees_a_seat_that_was_looked_at_before(
    store: Any, world: World
) -> None:
    await store.configure(max_private=1)
    await make(store, "a")
    world.age("alice:a", 100)
    with pytest.raises(QuotaExceeded):  # looks at the seat, and finds it in use
        await make(store, "b")
    world.age("alice:a", 5000)
    assert not world.fields("alice:a")
    await make(store, "b")


async def test_a_create_that_fails_gives_its_seat_back(store: Any) -> None:
    await store.configure(max_private=2, max_per_owner=1, max_bytes=100)
    await make(store, "a")
    with pytest.raises(SessionExists):
        await make(store, "a")
    with pytest.raises(QuotaExceeded) as caught:
        await make(store, "b")
    assert caught.value.limit == "owner"
    with pytest.raises(ValueTooLarge):
        await make(store, "b", owner="bob", data={"x": "x" * 200})
    await make(store, "b", owner="bob")
    with pytest.raises(QuotaExceeded) as caught:
        await make(store, "c", owner="carol")
    assert caught.value.limit == "private"


async def test_a_seat_taken_by_a_client_that_died_is_found_out(store: Any, world: World) -> None:
    await store.configure(max_private=1)
    pool = world.keys.pool("private")
    world.raw.zadd(pool.seats, {"alice:ghost": world.now() - 60_000})
    world.raw.zadd(pool.fresh, {"alice:ghost": world.now() - 30_000})
    await make(store, "a")


async def test_a_limit_set_later_counts_what_is_there(store: Any) -> None:
    await make(store, "a", "b", "c")
    await make(store, "p", owner="*")
    await store.configure(max_private=3)
    with pytest.raises(QuotaExceeded):
        await make(store, "d")
    await store.configure(max_private=4)
    await make(store, "d")
    await store.configure(max_private=2)
    await store.delete("a", owner="alice")
    with pytest.raises(QuotaExceeded):
        await make(store, "e")
    assert await store.count() == 4
    await store.configure(max_private=None)
    await make(store, "e", "f", "g")
    await store.configure(max_private=7)
    await make(store, "h")
    with pytest.raises(QuotaExceeded):
        await make(store, "i")


async def test_racing_creates_stop_at_the_limit_of_the_store(store: Any) -> None:
    await store.configure(max_private=5)
    tries = [store.create(owner=f"u{n}", open=False) for n in range(20)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, QuotaExceeded) for result in done) == 15
    assert await store.count() == 5


@pytest.mark.parametrize("change", [{"id": "b"}, {"owner": "bob"}, {"id": "b", "owner": "bob"}])
async def test_a_move_within_a_pool_needs_no_second_seat(
    store: Any, change: dict[str, Any]
) -> None:
    await store.configure(max_private=1)
    session = await store.create(id="a", owner="alice")
    await session.close(**change)
    assert await store.count() == 1
    await store.delete(session.id, owner=session.owner)
    await make(store, "c")
    with pytest.raises(QuotaExceeded):
        await make(store, "d")


async def test_a_move_into_a_full_pool_is_refused_and_gives_no_seat_away(store: Any) -> None:
    await store.configure(max_private=1, max_public=1)
    await make(store, "p", owner="*")
    session = await store.create(id="a", owner="alice", data={"n": 1})
    with pytest.raises(QuotaExceeded) as caught:
        await session.close(owner="*")
    assert caught.value.limit == "public"
    assert session.is_open
    session["n"] = 2
    await session.close()
    assert (await store.read("a", owner="alice"))["n"] == 2
    await store.delete("p", owner="*")
    await (await store.open("a", owner="alice")).close(owner="*")
    await make(store, "b")
