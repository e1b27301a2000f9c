"""Idle time counts from the last close, the lifetime always; both by the clock of Redis."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sessionstore import ConfigError, QuotaExceeded, SessionEnded
from tests.support.wait import until
from tests.support.worlds import World


async def over(store: Any, id: str = "a") -> str:
    with pytest.raises(SessionEnded) as caught:
        await store.read(id)
    return str(caught.value.reason)


async def test_an_idle_session_ends_by_itself(store: Any) -> None:
    await store.create(id="a", timeout=timedelta(milliseconds=40), open=False)

    async def ended() -> bool:
        return await store.count() == 0

    await until(ended, "it has timed out")
    assert await over(store) == "timed out"
    for call in (store.touch, store.delete, store.open):
        with pytest.raises(SessionEnded, match="timed out"):
            await call("a")


async def test_idle_time_starts_anew_at_each_close_and_touch(store: Any, world: World) -> None:
    await store.create(id="a", timeout=100, open=False)
    for _ in range(3):
        world.age(":a", 90)
        await (await store.open("a")).close()
    for _ in range(3):
        world.age(":a", 90)
        await store.touch("a")
    world.age(":a", 101)
    assert await over(store) == "timed out"


async def test_the_lifetime_ends_it_however_active_it_is(store: Any, world: World) -> None:
    await store.create(id="a", timeout=100, lifetime=150, open=False)
    world.age(":a", 90)
    await store.touch("a")
    info = (await store.read("a")).info
    assert info.deadline - info.created == timedelta(seconds=150)
    world.age(":a", 70)
    assert await over(store) == "lifetime"


async def test_the_lifetime_ends_it_even_while_it_is_open(store: Any, world: World) -> None:
    session = await store.create(id="a", lifetime=3600, data={"n": 1})
    world.raw.hset(world.home(":a").session, "l", world.now() - 1)
    for call in (session.renew, session.save, session.close):
        with pytest.raises(Exception, match=r"lifetime|not open|lease") as caught:
            await call()
        if call == session.save:
            assert caught.type.__name__ in ("SessionEnded", "LeaseLost")
    assert await over(store) == "lifetime"


async def test_a_late_close_of_a_session_past_its_lifetime_says_so(
    store: Any, world: World
) -> None:
    session = await store.create(id="a", lifetime=3600)
    world.raw.hset(world.home(":a").session, "l", world.now() - 1)
    session["n"] = 1
    with pytest.raises(SessionEnded, match="lifetime"):
        await session.close()


async def test_the_store_has_a_default_of_each(store: Any) -> None:
    await store.configure(timeout=60, lifetime=3600)
    info = (await store.read((await store.create(id="a", open=False)).id)).info
    assert info.timeout == timedelta(minutes=1)
    await store.create(id="b", open=False, lifetime=30)
    info = (await store.read("b")).info
    assert info.deadline - info.created == timedelta(seconds=30)


async def test_a_close_may_give_another_timeout(store: Any, world: World) -> None:
    session = await store.create(id="a", timeout=100)
    await session.close(timeout=10)
    assert session.timeout == timedelta(seconds=10)
    assert (await store.read("a")).info.timeout == timedelta(seconds=10)
    world.age(":a", 11)
    assert await store.count() == 0
    assert await over(store) == "timed out"


async def test_a_longer_timeout_keeps_the_key_longer(store: Any, world: World) -> None:
    session = await store.create(id="a", owner="alice", timeout=1)
    await session.close(timeout=100_000)
    home = world.home("alice:a")
    assert world.raw.pttl(home.session) > 100_000_000
    assert world.raw.pttl(home.bucket.owned("alice")) > 100_000_000
    world.age("alice:a", 90_000)
    assert await store.count("alice") == 1


async def test_max_timeout_caps_what_is_asked_for(store: Any) -> None:
    await store.configure(max_timeout=60)
    session = await store.create(id="a", timeout=3600)
    assert session.timeout == timedelta(minutes=1)
    await session.close(timeout=7200)
    assert (await store.read("a")).info.timeout == timedelta(minutes=1)
    assert (await store.create(id="b", timeout=5)).timeout == timedelta(seconds=5)


async def test_lowering_max_timeout_shortens_all_at_once_and_ends_some(
    store: Any, world: World
) -> None:
    await store.create(id="idle", timeout=900, open=False)
    await store.create(id="fresh", timeout=900, open=False)
    await store.create(id="short", timeout=5, open=False)
    held = await store.create(id="held", timeout=900)
    world.age(":idle", 100)
    assert (await store.configure(max_timeout=60)).max_timeout == timedelta(minutes=1)
    events = [(event.kind, event.id) async for event in store.events() if event.kind != "created"]
    assert events == [("expired", "idle")]
    assert await over(store, "idle") == "timed out"
    timeouts = {info.id: info.timeout.total_seconds() async for info in store.list()}
    assert timeouts == {"fresh": 60, "short": 5, "held": 60}
    assert await store.count() == 3
    await held.close()
    await store.configure(max_timeout=None)
    assert (await store.read("held")).info.timeout == timedelta(minutes=1)  # it stays shortened


async def test_lowering_max_timeout_goes_through_more_than_a_page(store: Any, world: World) -> None:
    for n in range(150):
        await store.create(id=f"n{n}", owner="alice", open=False)
    await store.configure(max_timeout=60)
    seconds = [info.timeout.total_seconds() async for info in store.list("alice")]
    assert seconds == [60.0] * 150


async def test_nought_ends_it_at_its_close(store: Any) -> None:
    session = await store.create(id="a", timeout=0)
    session["n"] = 1
    await session.save()
    assert (await store.read("a"))["n"] == 1
    await session.close()
    assert await store.count() == 0
    assert await over(store) == "timed out"


async def test_nought_for_all_ends_everything_that_nobody_holds(store: Any) -> None:
    await store.create(id="a", open=False)
    held = await store.create(id="b")
    await store.configure(max_timeout=0)
    assert await store.count() == 1
    await held.close()
    assert await store.count() == 0


async def test_a_session_nobody_swept_is_not_revived_by_touch_or_open(
    store: Any, world: World
) -> None:
    await store.create(id="a", open=False)
    world.age(":a", 901)
    for call in (store.touch, store.open):
        with pytest.raises(SessionEnded, match="timed out"):
            await call("a")
    assert [event.kind async for event in store.events()] == ["created", "expired"]


async def test_a_store_may_keep_what_times_out_until_a_sweep(store: Any, world: World) -> None:
    await store.configure(at_timeout="keep", max_per_owner=2, max_private=2)
    for id in ("a", "b"):
        await store.create(id=id, owner="ann", timeout=100, open=False)
    world.age("ann:a", 150)
    world.age("ann:b", 150)

    # It counts, is listed and can be opened, which starts its time anew.
    for limited in ({"owner": "ann"}, {"owner": "bob"}):
        with pytest.raises(QuotaExceeded):
            await store.create(id="c", **limited)
    assert await store.count() == await store.count("ann") == 2
    await (await store.open("a", owner="ann")).close()
    assert world.raw.pttl(world.home("ann:a").session) > timedelta(days=300).total_seconds() * 1000

    assert await store.sweep() == 1
    with pytest.raises(SessionEnded, match="timed out"):
        await store.open("b", owner="ann")
    await (await store.open("a", owner="ann")).close()


async def test_a_lifetime_ends_a_session_also_where_timeouts_do_not(
    store: Any, world: World
) -> None:
    await store.configure(at_timeout="keep")
    await store.create(id="a", timeout=100, lifetime=140, open=False)
    world.age(":a", 110)
    assert await store.read("a") == {}
    world.age(":a", 50)
    assert await over(store) == "lifetime"


async def test_a_sweep_may_look_at_some_buckets_and_at_the_next_ones_next_time(
    store: Any, world: World
) -> None:
    for number in range(12):
        await store.create(id=f"n{number}", timeout=100, open=False)
        world.age(f":n{number}", 150)
    ended = [await store.sweep(buckets=1) for _ in world.keys.buckets]
    assert sum(ended) == 12
    assert max(ended) < 12
    assert await store.sweep(buckets=10**6) == 0
    with pytest.raises(ConfigError, match="buckets must be a whole number from 1"):
        await store.sweep(buckets=0)
