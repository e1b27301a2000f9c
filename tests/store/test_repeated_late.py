"""A repeat after a lost answer finds what was done, however short ended sessions linger."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sessionstore import SessionEnded, SessionNotFound, SessionStoreError
from tests.support.wait import until
from tests.support.worlds import World, send_twice


@pytest.fixture(params=[0, 5, 60])
def linger(request: pytest.FixtureRequest) -> int:
    return int(request.param)


async def twice(store: Any, world: World, linger: int) -> Any:
    await store.configure(linger=linger)
    other = await world.connect()
    send_twice(other)
    return other


async def test_a_delete(store: Any, world: World, linger: int) -> None:
    other = await twice(store, world, linger)
    await store.create(id="a", open=False)
    assert await other.delete("a") is True
    session = await other.create(id="b")
    assert await session.delete() is True
    session = await other.create(id="c")
    await store.delete("c")
    await session.close()
    await store.create(id="d", open=False)
    session = await other.open("d", mode="shared")
    assert await session.delete() is True
    assert await store.count() == 0


async def test_the_end_of_all_sessions_of_an_owner(store: Any, world: World, linger: int) -> None:
    other = await twice(store, world, linger)
    for _ in range(3):
        await store.create(owner="bob", open=False)
    assert await other.end_all("bob") == 3


async def test_a_session_that_is_over_as_soon_as_it_is_closed(
    store: Any, world: World, linger: int
) -> None:
    other = await twice(store, world, linger)
    made = await other.create(id="a", owner="bob", timeout=0, lifetime=9, open=False)
    assert (made.owner, made.timeout.total_seconds(), made.is_open) == ("bob", 0, False)
    await (await other.create(id="b", timeout=0)).close()
    await (await other.create(id="c")).close(timeout=0)
    async with await other.create(id="d") as session:
        session["n"] = 1
        await session.close(timeout=0)
    assert await store.count() == 0


@pytest.mark.parametrize("ends", ["touch", "sweep", "delete"])
async def test_a_session_that_others_see_ended_before_the_repeat(
    store: Any, world: World, linger: int, ends: str
) -> None:
    await store.configure(linger=linger)
    session = await store.create(id="a", timeout=0)
    closing = session._closing(None, None, None)
    driver = world.driver()
    operation = next(closing)
    driver._answer(operation)
    if ends == "sweep":
        await store.sweep()
    else:
        with pytest.raises(SessionStoreError):
            await getattr(store, ends)("a")
    with pytest.raises(StopIteration):
        closing.send(driver._answer(operation))
    assert not session.is_open


async def test_nobody_else_sees_it_for_longer_than_it_lingers(store: Any, world: World) -> None:
    await store.configure(linger=0)
    await store.create(id="a", open=False)
    await store.delete("a")
    for call in (store.read, store.open, store.touch, store.delete):
        with pytest.raises(SessionNotFound):
            await call("a")
    await store.configure(linger=5)
    await store.create(id="b", open=False)
    await store.delete("b")
    with pytest.raises(SessionEnded, match="deleted"):
        await store.read("b")
    world.age(":b", 6)
    with pytest.raises(SessionNotFound):
        await store.read("b")
    await store.create(id="a", open=False)
    assert await store.count() == 1


@pytest.mark.parametrize("max_waiters", [0, 1])
async def test_a_delete_waits_where_no_place_in_the_line_is_left(
    store: Any, world: World, max_waiters: int
) -> None:
    await store.configure(max_waiters=max_waiters)
    session = await store.create(id="a")
    waiters = [asyncio.ensure_future(store.open("a", wait=20)) for _ in range(max_waiters)]
    await until(lambda: world.waiting(":a") == max_waiters, "all who may wait do")
    deleting = asyncio.create_task(store.delete("a", wait=20))
    await until(lambda: "d" in world.fields(":a"), "it is to be deleted")
    await session.close()
    assert await deleting is True
    for error in await asyncio.gather(*waiters, return_exceptions=True):
        assert isinstance(error, SessionEnded)


@pytest.mark.parametrize("mode", ["shared", "read"])
async def test_who_shares_a_session_that_is_held_is_told_that_it_ends_later(
    store: Any, mode: str
) -> None:
    holder = await store.create(id="a")
    sharer = await store.open("a", mode=mode)
    assert await sharer.delete() is False
    assert not sharer.is_open
    await holder.close()
    with pytest.raises(SessionEnded, match="deleted"):
        await store.read("a")
    await store.create(id="b", open=False)
    assert await (await store.open("b", mode=mode)).delete() is True
