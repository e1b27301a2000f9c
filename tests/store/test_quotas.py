"""The quota of an owner is exact, and no dead session holds a place."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sessionstore import QuotaExceeded, SessionEnded
from sessionstore._core import sessions
from sessionstore._core.keys import ticket
from sessionstore._core.sessions import ANY
from tests.support.worlds import World


async def ids(listing: Any) -> list[str]:
    return sorted([info.id async for info in listing])


async def make(store: Any, *names: str, owner: str = "alice", **more: Any) -> None:
    for id in names:
        await store.create(id=id, owner=owner, open=False, **more)


async def test_an_owner_at_the_limit_is_refused_and_others_are_not(store: Any) -> None:
    await store.configure(max_per_owner=2)
    await make(store, "a", "b")
    with pytest.raises(QuotaExceeded) as caught:
        await make(store, "c")
    assert (caught.value.limit, caught.value.value) == ("owner", 2)
    assert await ids(store.list("alice")) == ["a", "b"]
    await make(store, "c", "d", owner="bob")
    for owner in ("", "*"):  # nobody in particular has no quota
        await make(store, "c", "d", "e", owner=owner)


async def test_a_place_is_free_after_a_delete_and_after_the_deadline(
    store: Any, world: World
) -> None:
    await store.configure(max_per_owner=1)
    await make(store, "a")
    await store.delete("a", owner="alice")
    await make(store, "b")
    world.age("alice:b", 1000)
    await make(store, "c")
    assert await ids(store.list("alice")) == ["c"]


async def test_a_session_that_is_open_keeps_its_place(store: Any, world: World) -> None:
    await store.configure(max_per_owner=1, at_limit="evict")
    held = await store.create(id="a", owner="alice", timeout=1)
    with pytest.raises(QuotaExceeded):
        await make(store, "b")
    await held.close()
    await make(store, "b")


async def test_the_least_recently_active_unheld_one_is_evicted(store: Any, world: World) -> None:
    await store.configure(max_per_owner=3, at_limit="evict")
    await make(store, "a", "b", "c")
    for age, id in enumerate("cba"):
        world.age(f"alice:{id}", age)
    held = await store.open("a", owner="alice")
    await store.touch("b", owner="alice")
    await make(store, "d")
    assert await ids(store.list("alice")) == ["a", "b", "d"]
    with pytest.raises(SessionEnded, match="evicted"):
        await store.open("c", owner="alice")
    await held.close()
    kinds = [(event.kind, event.id) async for event in store.events() if event.kind != "created"]
    assert kinds == [("evicted", "c")]


async def test_a_lowered_limit_of_an_owner_evicts_as_many_as_need_be(store: Any) -> None:
    await make(store, "a", "b", "c", "d")
    await store.configure(max_per_owner=2)
    assert await store.count("alice") == 4
    with pytest.raises(QuotaExceeded):
        await make(store, "e")
    await store.configure(at_limit="evict")
    await make(store, "e")
    assert await store.count("alice") == 2
    await store.configure(max_per_owner=None)
    await make(store, "f", "g")
    assert await store.count("alice") == 4


async def test_nought_is_a_limit_too(store: Any) -> None:
    await store.configure(max_per_owner=0, max_public=0)
    with pytest.raises(QuotaExceeded):
        await make(store, "a")
    with pytest.raises(QuotaExceeded):
        await make(store, "a", owner="*")


async def test_a_pending_delete_holds_no_place_once_its_holder_died(
    store: Any, world: World
) -> None:
    await store.configure(max_per_owner=1, max_private=1)
    await store.create(id="a", owner="alice")
    assert await store.delete("a", owner="alice") is False
    world.lapse("alice:a")
    assert await store.count() == 0
    assert await ids(store.list()) == []
    await make(store, "b", owner="bob")


async def test_a_sweep_ends_a_pending_delete_whose_holder_died(store: Any, world: World) -> None:
    await store.create(id="a", owner="alice")
    assert await store.delete("a", owner="alice") is False
    world.lapse("alice:a")
    assert await store.count("alice") == 0
    assert await store.sweep() == 1


async def test_racing_creates_of_an_owner_stop_at_the_limit(store: Any) -> None:
    await store.configure(max_per_owner=5)
    tries = [store.create(owner="alice", open=False) for _ in range(20)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, QuotaExceeded) for result in done) == 15
    assert await store.count("alice") == 5


async def test_living_sessions_that_are_nearly_due_do_not_hide_dead_ones(
    store: Any, world: World
) -> None:
    """Scores lag by up to a tenth of the timeout, so many sessions may seem due and are not."""
    await store.configure(max_per_owner=121)
    await make(store, *(f"long{n}" for n in range(120)), timeout=10_000)
    await make(store, "dead")
    index = world.home("alice:dead").bucket.index
    world.raw.zadd(index, {f"alice:long{n}": world.now() - 60_000 for n in range(120)})
    world.age("alice:dead", 901)
    assert await store.sweep() == 1


async def test_an_opening_that_was_abandoned_leaves_no_trace_at_the_limit(
    store: Any, world: World
) -> None:
    """Others have looked while it was held, and noted when it would have ended then."""
    await store.configure(max_per_owner=1, max_private=1)
    await store.create(id="a", owner="ann", timeout=100, open=False)
    world.age("ann:a", 99)
    driver, call = world.driver(), ticket()
    home = world.home("ann:a")
    opening = sessions.open_(
        home, call, "", ANY, lease_ms=None, wait_ms=0, wait_end=None, fields=()
    )
    driver.do(opening)
    with pytest.raises(QuotaExceeded):
        await store.create(id="b", owner="ann", open=False)
    for index in (home.bucket.index, home.bucket.owned("ann")):
        world.raw.zadd(index, {home.sid: 1})
    await store.sweep()
    assert await store.count("ann") == 1
    world.age("ann:a", 2)
    world.lease_until("ann:a", world.now() + 20_000)
    driver.do(sessions.abandon(home, call))
    assert await store.count() == await store.count("ann") == 0
    await store.create(id="b", owner="ann", open=False)
