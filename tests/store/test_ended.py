"""Ended means ended: nothing that comes late revives a session, and all are told why it ended."""

from __future__ import annotations

from typing import Any

import pytest

from sessionstore import LeaseLost, SessionEnded, SessionNotFound
from tests.support.worlds import World

WAYS = {
    "deleted": "deleted",
    "end_all": "banned",
    "evicted": "evicted",
    "lifetime": "lifetime",
    "timed out": "timed out",
}


LIFETIME = {"lifetime": 500}


async def ended(store: Any, world: World, way: str) -> None:
    """End the session of alice that nobody holds any more."""
    match way:
        case "deleted":
            await store.delete("a", owner="alice")
        case "end_all":
            await store.end_all("alice", reason="banned")
        case "evicted":
            await store.configure(max_per_owner=1, at_limit="evict")
            await store.create(id="b", owner="alice", open=False)
            await store.delete("b", owner="alice")
        case "lifetime":
            world.age("alice:a", 600)
        case "timed out":
            world.age("alice:a", 1000)


@pytest.mark.parametrize("way", WAYS)
async def test_whoever_comes_late_is_told_why(store: Any, world: World, way: str) -> None:
    await store.create(id="a", owner="alice", lifetime=LIFETIME.get(way), data={"n": 1}, open=False)
    shared = await store.open("a", owner="alice", mode="shared")
    await ended(store, world, way)
    for call in (store.read, store.touch, store.delete):
        with pytest.raises(SessionEnded) as caught:
            await call("a", owner="alice")
        assert (caught.value.id, caught.value.reason) == ("a", WAYS[way])
    for mode in ("exclusive", "read", "shared"):
        with pytest.raises(SessionEnded, match=WAYS[way]):
            await store.open("a", owner="alice", mode=mode, wait=5)
    shared["n"] = 2
    with pytest.raises(SessionEnded, match=WAYS[way]):
        await shared.save()
    assert await store.count() == 0
    assert [info async for info in store.list()] == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("call", ["save", "close", "renew", "delete"])
async def test_a_holder_that_comes_late_revives_nothing(
    store: Any, world: World, call: str, way: str
) -> None:
    session = await store.create(id="a", owner="alice", lifetime=LIFETIME.get(way), data={"n": 1})
    world.lapse("alice:a")
    await ended(store, world, way)
    session["n"] = 2
    with pytest.raises((SessionEnded, LeaseLost)) as caught:
        await getattr(session, call)()
    if isinstance(caught.value, SessionEnded):
        assert caught.value.reason == WAYS[way]
    assert await store.count() == 0
    assert not session.is_open
    with pytest.raises(SessionEnded):
        await store.open("a", owner="alice")


@pytest.mark.parametrize("call", ["save", "close", "renew", "delete"])
async def test_a_holder_whose_session_vanished_revives_nothing(
    store: Any, world: World, call: str
) -> None:
    session = await store.create(id="a", owner="alice", data={"n": 1})
    world.raw.unlink(world.home("alice:a").session)
    session["n"] = 2
    with pytest.raises((SessionEnded, LeaseLost, SessionNotFound)):
        await getattr(session, call)()
    assert not world.fields("alice:a")


async def test_a_pending_delete_lets_the_holder_work_on_and_ends_it_at_the_close(
    store: Any, world: World
) -> None:
    session = await store.create(id="a")
    assert await store.delete("a") is False
    assert await store.delete("a") is False
    session["n"] = 1
    await session.save()
    await session.renew()
    assert (await store.read("a"))["n"] == 1
    await session.close()
    with pytest.raises(SessionEnded, match="deleted"):
        await store.read("a")
    kinds = [event.kind async for event in store.events()]
    assert kinds == ["created", "ended"]


async def test_a_pending_delete_takes_effect_when_the_holder_discards_or_dies(
    store: Any, world: World
) -> None:
    session = await store.create(id="a")
    await store.delete("a")
    await session.discard()
    await store.create(id="b")
    await store.delete("b")
    world.lapse(":b")
    for id in "ab":
        with pytest.raises(SessionEnded, match="deleted"):
            await store.open(id)


async def test_the_reason_of_the_first_delete_counts(store: Any) -> None:
    session = await store.create(id="a", owner="alice")
    await store.end_all("alice", reason="banned for a day")
    await store.delete("a", owner="alice")
    await session.close()
    with pytest.raises(SessionEnded) as caught:
        await store.read("a", owner="alice")
    assert caught.value.reason == "banned for a day"


async def test_a_tombstone_lingers_and_then_nothing_is_left(store: Any, world: World) -> None:
    await store.configure(linger=40)
    await (await store.create(id="a", owner="alice", data={"n": "x" * 999})).delete()
    home = world.home("alice:a")
    assert 35_000 < world.raw.pttl(home.session) <= 40_000
    assert ".n" not in world.fields("alice:a")
    world.raw.pexpire(home.session, 1)
    await store.configure(linger=0)
    await (await store.create(id="b", owner="alice")).delete()
    with pytest.raises(SessionNotFound):
        await store.read("b", owner="alice")
    assert not world.raw.exists(home.bucket.owned("alice"))


async def test_the_holders_own_delete_is_at_once(store: Any) -> None:
    session = await store.create(id="a")
    session["n"] = 1
    await session.delete()
    assert not session.is_open
    await session.close()
    with pytest.raises(SessionEnded, match="deleted"):
        await store.read("a")


async def test_deleting_inside_the_block_ends_it_quietly(store: Any) -> None:
    async with await store.create(id="a") as session:
        await session.delete()
    assert await store.count() == 0


async def test_who_was_cut_off_and_evicted_is_an_event_that_says_whose(
    store: Any, world: World
) -> None:
    await store.create(id="a", owner="alice")
    world.lapse("alice:a")
    await ended(store, world, "evicted")
    kinds = [event.kind async for event in store.events() if event.id == "a"]
    assert kinds == ["created", "lease lost", "evicted"]
