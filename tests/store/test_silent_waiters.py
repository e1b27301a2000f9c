"""A waiter that gives no sign of life holds up nobody, and keeps its place in case it hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sessionstore import QuotaExceeded, SessionInUse
from sessionstore._core import sessions
from sessionstore._core.keys import ticket
from sessionstore._core.records import Opened, Queued
from sessionstore._core.sessions import ANY
from tests.store.test_waiting import in_line
from tests.support.wait import until
from tests.support.worlds import World

SILENT = 2.0
"""Seconds after which a waiter is taken for dead that has not asked again."""


@pytest.fixture
def asks(world: World) -> Callable[..., Any]:
    """Ask for the session `a` by hand, as a waiter does; what it does between is up to the test."""
    driver, home = world.driver(), world.home(":a")

    def ask(name: str, *, again: bool = True) -> Opened | Queued:
        wait_end = world.now() + 60_000 if again else None
        return driver.do(
            sessions.open_(
                home, f"{name:->16}", name, ANY,
                lease_ms=None, wait_ms=60_000, wait_end=wait_end, fields=None,
            )
        )  # fmt: skip

    return ask


async def test_a_waiter_that_has_long_been_silent_is_passed_over_at_once(
    store: Any, world: World, asks: Any
) -> None:
    holder = await store.create(id="a")
    for number in range(3):
        asks(f"dead{number}", again=False)
    world.silence(":a", SILENT)
    late = await in_line(world, ":a", store, 4)
    await holder.close()
    assert (await store.read("a")).info.holder == store.label
    session = await late
    assert session.waited < timedelta(seconds=2)
    await session.close()


async def test_the_dead_do_not_fill_the_line(store: Any, world: World, asks: Any) -> None:
    await store.configure(max_waiters=2)
    holder = await store.create(id="a")
    asks("dead1", again=False)
    asks("dead2", again=False)
    with pytest.raises(QuotaExceeded):
        await store.open("a", wait=20)
    world.silence(":a", SILENT)
    waiters = [await in_line(world, ":a", store, 3 + number) for number in range(2)]
    assert not any(waiter.done() for waiter in waiters)
    with pytest.raises(QuotaExceeded):
        await store.open("a", wait=20)
    with pytest.raises(SessionInUse) as caught:
        await store.open("a", wait=0)
    assert caught.value.waiting == 2
    await holder.close()
    for waiter in waiters:
        await (await waiter).close()


async def test_a_line_full_of_the_dead_has_room(store: Any, world: World, asks: Any) -> None:
    await store.configure(max_waiters=500)
    holder = await store.create(id="a")
    for number in range(500):
        asks(f"dead{number}", again=False)
    world.silence(":a", SILENT)
    late = await in_line(world, ":a", store, 1)
    await holder.close()
    await (await late).close()


async def test_who_was_silent_for_long_leaves_the_line(store: Any, world: World, asks: Any) -> None:
    holder = await store.create(id="a")
    asks("dead", again=False)
    world.silence(":a", 40)
    late = await in_line(world, ":a", store, 1)
    await holder.close()
    await (await late).close()


async def test_who_was_silent_keeps_its_place(store: Any, world: World, asks: Any) -> None:
    holder = await store.create(id="a")
    asks("first", again=False)
    world.silence(":a", SILENT)
    late = await in_line(world, ":a", store, 2)
    assert isinstance(asks("first"), Queued)
    await holder.close()
    assert (await store.read("a")).info.holder == "first"
    opened = asks("first")
    assert isinstance(opened, Opened)
    assert not late.done()
    world.driver().do(sessions.close(opened.home, opened.facts.fence, sessions.Changes()))
    await (await late).close()


async def test_who_was_silent_at_its_turn_is_the_first_when_it_comes_back(
    store: Any, world: World, asks: Any
) -> None:
    holder = await store.create(id="a")
    asks("first", again=False)
    asks("second", again=False)
    asks("third", again=False)
    await holder.close()
    assert (await store.read("a")).info.holder == "first"
    world.lapse(":a")  # the 2 s to take it up are over
    opened = asks("second")
    assert isinstance(opened, Opened)
    assert isinstance(asks("first"), Queued)
    assert isinstance(asks("third"), Queued)
    world.driver().do(sessions.close(opened.home, opened.facts.fence, sessions.Changes()))
    assert (await store.read("a")).info.holder == "first"
    assert isinstance(asks("first"), Opened)


async def test_who_comes_back_before_its_turn_was_another_s_has_not_missed_it(
    store: Any, world: World, asks: Any
) -> None:
    holder = await store.create(id="a")
    asks("first", again=False)
    asks("second", again=False)
    world.silence(":a", SILENT)
    assert isinstance(asks("second"), Queued)
    world.lapse(holder)
    assert isinstance(asks("first"), Opened)


async def test_when_all_in_line_are_silent_the_session_is_free(
    store: Any, world: World, asks: Any
) -> None:
    holder = await store.create(id="a")
    asks("first", again=False)
    asks("second", again=False)
    world.silence(":a", SILENT)
    await holder.close()
    assert (await store.read("a")).info.holder is None
    newcomer = await store.open("a", wait=0)
    assert isinstance(asks("second"), Queued)  # it keeps its place
    await newcomer.close()
    opened = asks("second")
    assert isinstance(opened, Opened)
    assert isinstance(asks("first"), Queued)
    world.driver().do(sessions.close(opened.home, opened.facts.fence, sessions.Changes()))
    opened = asks("first")
    assert isinstance(opened, Opened)
    assert world.waiting(":a") == 0


async def test_who_was_silent_finds_the_session_free_and_leaves_the_line(
    store: Any, world: World, asks: Any
) -> None:
    holder = await store.create(id="a")
    asks("first", again=False)
    world.silence(":a", SILENT)
    await holder.close()
    opened = asks("first")
    assert isinstance(opened, Opened)
    assert world.waiting(":a") == 0


async def test_signs_of_life_from_before_the_clock_was_put_back_do_not_count(
    store: Any, world: World, asks: Any
) -> None:
    await store.configure(max_waiters=2)
    holder = await store.create(id="a")
    asks("dead", again=False)
    asks("alive", again=False)
    world.silence(":a", -3600)  # it was an hour later then
    assert isinstance(asks("alive"), Queued)
    assert isinstance(asks("newcomer", again=False), Queued)
    await holder.close()
    assert (await store.read("a")).info.holder == "alive"


async def test_a_waiting_delete_that_died_does_not_fill_the_line(store: Any, world: World) -> None:
    await store.configure(max_waiters=1)
    holder = await store.create(id="a")
    dead = sessions.delete(world.home(":a"), ticket(), "dead", ANY, wait_ms=60_000)
    assert isinstance(world.driver().do(dead), Queued)
    world.silence(":a", SILENT)
    deleting = asyncio.create_task(store.delete("a", wait=20))
    await until(lambda: world.waiting(":a") == 2, "the delete waits")
    await holder.close()
    assert await deleting is True


async def test_the_line_is_forgotten_when_nobody_gives_a_sign_of_life(
    store: Any, world: World, asks: Any
) -> None:
    holder = await store.create(id="a")
    asks("first", again=False)
    assert 20_000 < world.raw.pttl(world.home(":a").waiters) <= 30_000
    await holder.close()
