"""What an owner had when `end_all` began ends, whatever its holder does with it meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from sessionstore import SessionEnded, SessionNotFound
from sessionstore._core.operation import Flow
from tests.support.worlds import Client, World

STEPS = 8
"""More than a move has, and more than there are pages here."""

Moves = Callable[[str], "Flow[Any]"]


def moving(session: Any, id: str) -> Flow[Any]:
    flow: Flow[Any] = session._closing(id, None, None)
    return flow


def ending(store: Any, owner: str, **more: Any) -> Flow[Any]:
    flow: Flow[Any] = store._calls.end_all(owner, **{"keep": None, "reason": "banned", **more})
    return flow


def go(client: Client, steps: int) -> None:
    for _ in range(steps):
        client.goes()


async def left(store: Any, owner: str) -> set[str]:
    return {info.id async for info in store.list(owner)}


@pytest.mark.parametrize("owner", ["alice", "*"])
@pytest.mark.parametrize("linger", [0, 60])
async def test_one_that_gets_another_id_at_any_step_ends(
    store: Any, world: World, owner: str, linger: int
) -> None:
    await store.configure(linger=linger)
    driver = world.driver()
    for before in range(STEPS):
        for between in range(STEPS):
            name = f"a{before}-{between}"
            session = await store.create(name, owner)
            mover = Client(driver, moving(session, f"{name}x"))
            go(mover, before)
            ends = Client(driver, ending(store, owner))
            go(ends, between)
            mover.ends()
            assert ends.ends() == 1 or owner == "*"
            assert await left(store, owner) == set(), f"{before} steps, then {between}"
            assert await store.count(owner) == 0
            for id in (name, f"{name}x"):
                with pytest.raises((SessionEnded, SessionNotFound)):
                    await store.read(id, owner)


@pytest.mark.parametrize("owner", ["alice", "*"])
async def test_one_that_gets_another_id_again_and_again_ends(
    store: Any, world: World, owner: str
) -> None:
    driver = world.driver()
    for between in range(STEPS * 2):
        session = await store.create(f"a{between}", owner)
        ends = Client(driver, ending(store, owner))
        with suppress(SessionEnded, SessionNotFound):
            for number in range(4):
                Client(driver, moving(session, f"a{between}.{number}")).ends()
                go(ends, between % STEPS if number == between // STEPS else 1)
                session = await store.open(f"a{between}.{number}", owner)
        ends.ends()
        await session.discard()
        assert await left(store, owner) == set()


@pytest.mark.parametrize("steps", range(1, STEPS))
@pytest.mark.parametrize("owner", ["alice", "*"])
async def test_one_whose_mover_is_gone_ends(
    store: Any, world: World, owner: str, steps: int
) -> None:
    driver = world.driver()
    session = await store.create("a", owner)
    mover = Client(driver, moving(session, "b"))
    go(mover, steps)
    if world.lease_end(f"{owner}:a"):
        world.lapse(f"{owner}:a")
    # In two buckets at once, nobody sees that it is one.
    assert await store.end_all(owner) in ((1,) if owner == "alice" else (1, 2))
    assert await left(store, owner) == set()
    assert await store.count(owner) == await store.count() == 0
    with suppress(Exception):
        mover.ends()
    assert await left(store, owner) == set()


async def test_a_page_that_was_read_already_is_no_refuge(store: Any, world: World) -> None:
    driver = world.driver()
    for number in range(400):
        await store.create(f"idle{number}", "alice", open=False)
    held = [await store.create(f"held{number}", "alice") for number in range(40)]
    ends = Client(driver, ending(store, "alice"))
    ends.goes()
    for number, session in enumerate(held):
        Client(driver, moving(session, f"renamed{number}")).ends()
        if number % 10 == 9:
            ends.goes()
    assert ends.ends() > 400
    assert await left(store, "alice") == set()


@pytest.mark.parametrize("owner", ["alice", "*"])
async def test_the_kept_one_is_kept_under_its_new_id(store: Any, world: World, owner: str) -> None:
    driver = world.driver()
    for before in range(STEPS):
        for between in range(STEPS):
            keep, new = f"k{before}-{between}", f"n{before}-{between}"
            await store.create("other", owner, open=False)
            session = await store.create(keep, owner)
            ends = Client(driver, ending(store, owner, keep=keep))
            go(ends, before)
            mover = Client(driver, moving(session, new))
            go(mover, between)
            ends.ends()
            mover.ends()
            there = await left(store, owner)
            # If it had moved before, the id that is kept is nobody's.
            assert there == {new} or (there == set() and before == 0)
            await store.end_all(owner)


async def test_what_the_owner_gets_meanwhile_is_not_touched_by_its_end(
    store: Any, world: World
) -> None:
    driver = world.driver()
    await store.create("a", "alice", open=False)
    visitor = await store.create("v")
    ends = Client(driver, ending(store, "alice"))
    ends.goes()
    await visitor.close(owner="alice")
    created = await store.create("new", "alice")
    assert ends.ends() == 1
    await created.close(id="renamed")
    assert await left(store, "alice") == {"v", "renamed"}


async def test_afterwards_ids_change_as_ever(store: Any, world: World) -> None:
    await store.create("a", "alice", open=False)
    session = await store.create("k", "alice")
    assert await store.end_all("alice", keep="k") == 1
    await session.close(id="l")
    assert await left(store, "alice") == {"l"}


async def test_two_calls_at_once_do_not_end_each_other(store: Any, world: World) -> None:
    driver = world.driver()
    session = await store.create("a", "alice")
    first = Client(driver, ending(store, "alice", keep="a"))
    second = Client(driver, ending(store, "alice"))
    first.goes()
    Client(driver, moving(session, "b")).ends()
    assert await left(store, "alice") == {"b"}
    second.goes()
    first.ends()
    assert second.ends() == 1
    assert await left(store, "alice") == set()
