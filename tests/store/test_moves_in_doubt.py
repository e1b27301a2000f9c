"""As long as nobody knows whether a session has moved, nobody gets it where it was."""

from __future__ import annotations

from typing import Any

import pytest

from sessionstore import (
    SessionEnded,
    SessionInUse,
    SessionNotFound,
    SessionNotOpen,
    StoreUnavailable,
    TimedOut,
)
from sessionstore._core import altering, sessions
from sessionstore._core.operation import Operation, Step
from sessionstore._core.records import Moving, Queued
from sessionstore._core.sessions import Changes
from tests.support.steps import around
from tests.support.worlds import World, run_until


def lose_what_settles(step: Step) -> None:
    if isinstance(step, Operation) and step.script.name in ("retire", "decide"):
        raise TimedOut("the request was lost")


@pytest.mark.parametrize("meanwhile", ["", "delete", "end_all"])
async def test_the_block_of_a_move_without_an_answer_leaves_the_old_home_to_nobody(
    store: Any, world: World, meanwhile: str
) -> None:
    session = await store.create(id="a", owner="ann", data={"n": 1})
    with around(store, sent=lose_what_settles):
        with pytest.raises(StoreUnavailable) as caught:
            async with session:
                await session.close(owner="bob")
        assert caught.value.unknown
        if meanwhile == "delete":
            assert not await store.delete("a", owner="ann")
        elif meanwhile == "end_all":
            assert await store.end_all("ann", reason="signed out") == 1
        with pytest.raises(SessionInUse):
            await store.open("a", owner="ann", wait=0)
    with pytest.raises(SessionNotOpen):
        await session.close(owner="carol")
    await session.close(owner="bob")
    if meanwhile:
        assert await store.count() == 0
        with pytest.raises((SessionEnded, SessionNotFound)):
            await store.read("a", owner="bob")
    else:
        assert [(info.owner, info.id) async for info in store.list()] == [("bob", "a")]
        assert session.owner == "bob"


async def arrived(store: Any, world: World) -> Any:
    """Return a session that has arrived at its new home and whose mover is away."""
    session = await store.create(id="a", data={"n": 1})
    run_until(world.driver(), session._closing("b", None, None), 2)
    return session


async def test_a_session_that_is_about_to_move_is_handed_to_nobody(
    store: Any, world: World
) -> None:
    session = await arrived(store, world)
    home, driver = world.home(session), world.driver()
    waiting = sessions.open_(
        home, "w" * 16, "", sessions.ANY, lease_ms=None, wait_ms=9000, wait_end=None, fields=None
    )
    assert isinstance(driver.do(waiting), Queued)
    with pytest.raises(Moving):
        driver.do(sessions.close(home, session.fence, Changes({b".n": b"\x03"})))
    driver.do(sessions.abandon(home, world.fields(session)["h"][14:30].decode()))
    with pytest.raises(Moving):
        driver.do(waiting)
    with pytest.raises(SessionEnded, match="moved"):
        await store.open("a", wait=0)
    assert (await store.read("b"))["n"] == 1


async def test_a_session_that_ends_when_it_is_about_to_move_has_ended_where_it_arrives(
    store: Any, world: World
) -> None:
    session = await arrived(store, world)
    ending = sessions.delete(world.home(session), "d" * 16, "", sessions.ANY, fence=session.fence)
    world.driver().do(ending)
    with pytest.raises((SessionEnded, SessionNotFound)):
        await store.read("b")
    assert await store.count() == 0


@pytest.mark.parametrize("seen_by", ["a sweep", "an open"])
async def test_the_end_of_a_session_that_was_about_to_move_is_told_once(
    store: Any, world: World, seen_by: str
) -> None:
    await store.create(id="a", owner="ann", lifetime=100, open=False)
    session = await store.open("a", "ann", lease=1000)
    with around(store, sent=lose_what_settles), pytest.raises(StoreUnavailable):
        await session.close(owner="bob")
    world.age("ann:a", 150)
    if seen_by == "a sweep":
        assert await store.sweep() == 1
    else:
        with pytest.raises(SessionEnded):
            await store.open("a", "ann")
    await session.close(owner="bob")
    await store.sweep()
    told = [(event.kind, event.owner) async for event in store.events() if event.id == "a"]
    assert told == [("created", "ann"), ("expired", "ann")]


async def test_who_changes_beside_a_holder_waits_for_a_move_so_long_and_no_longer(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(altering, "MOVING", 5)
    session = await store.create(id="a", owner="ann", data={"n": 1})
    with around(store, sent=lose_what_settles), pytest.raises(StoreUnavailable):
        await session.close(owner="bob")
    with pytest.raises(SessionInUse):
        await store.atomic("a", owner="ann", when_open="apply").add("n")
