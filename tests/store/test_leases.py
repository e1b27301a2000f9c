"""Who dies is cut off at the end of the lease; who was cut off learns it and writes no more."""

from __future__ import annotations

from typing import Any

import pytest

from sessionstore import LeaseLost, SessionEnded, SessionInUse
from tests.support.wait import until
from tests.support.worlds import World


async def kinds(store: Any) -> list[str]:
    return [event.kind async for event in store.events()]


async def test_a_lapsed_lease_lets_the_next_in(store: Any, world: World) -> None:
    lost = await store.create(id="a", data={"n": 1})
    world.lapse(":a")
    async with store.open("a") as session:
        assert session.fence > lost.fence
        assert session["n"] == 1


@pytest.mark.parametrize("taken", [True, False], ids=["taken by another", "not taken"])
@pytest.mark.parametrize("call", ["save", "close", "renew", "delete", "rename"])
async def test_who_lost_the_lease_learns_it_and_writes_nothing(
    store: Any, world: World, call: str, taken: bool
) -> None:
    lost = await store.create(id="a", data={"n": 1})
    world.lapse(":a")
    if taken:
        await (await store.open("a")).close()
    before = world.fields(":a")
    lost["n"] = 2
    with pytest.raises(LeaseLost) as caught:
        await (lost.close(id="b") if call == "rename" else getattr(lost, call)())
    assert caught.value.fence == lost.fence
    assert not lost.is_open
    after = world.fields(":a")
    assert after[".n"] == before[".n"]
    assert after.get("d") is None
    with pytest.raises(LeaseLost):
        await lost.save()
    assert await store.count() == 1


async def test_leaving_the_block_after_a_lost_lease_says_so(store: Any, world: World) -> None:
    async def visit() -> None:
        async with await store.create(id="a", data={"n": 1}) as session:
            session["n"] = 2
            world.lapse(":a")

    with pytest.raises(LeaseLost):
        await visit()
    assert (await store.read("a"))["n"] == 1


async def test_every_one_of_many_lost_holders_is_told(store: Any, world: World) -> None:
    losers = [await store.create(id="a")]
    for _ in range(30):
        world.lapse(":a")
        losers.append(await store.open("a"))
    await losers.pop().close()
    for loser in losers:
        with pytest.raises(LeaseLost):
            await loser.close()


async def test_a_loser_of_an_earlier_session_of_the_name_cannot_close_this(
    store: Any, world: World
) -> None:
    old = await store.create(id="a")
    world.lapse(":a")
    await store.delete("a")
    new = await store.create(id="a", data={"n": 1})
    old["n"] = 2
    with pytest.raises(LeaseLost):
        await old.close()
    assert new.is_open
    await new.save()
    assert (await store.read("a"))["n"] == 1
    await new.close()


async def test_a_lost_lease_is_an_event_that_says_whose(store: Any, world: World) -> None:
    await store.create(id="a", owner="alice")
    world.lapse("alice:a")
    await (await store.open("a", owner="alice")).close()
    events = [event async for event in store.events()]
    assert [event.kind for event in events] == ["created", "lease lost"]
    assert (events[1].id, events[1].owner, events[1].reason) == ("a", "alice", store.label)


async def test_a_lapsed_lease_counts_as_a_close_at_its_end(store: Any, world: World) -> None:
    await store.create(id="a", timeout=60)
    world.age(":a", 50)  # 20 s after the end of the lease of 30 s
    info = (await store.read("a")).info
    assert info.holder is None
    left = info.deadline.timestamp() * 1000 - world.now()
    assert 30_000 < left <= 40_000
    world.age(":a", 45)
    assert await store.sweep() == 1
    assert await kinds(store) == ["created", "lease lost", "expired"]


async def test_lease_says_how_long(store: Any, world: World) -> None:
    await store.create(id="a", open=False)
    session = await store.open("a", lease=7)
    left = world.lease_end(":a") - world.now()
    assert 5_000 < left <= 7_000
    await session.renew()
    left = world.lease_end(":a") - world.now()
    assert 5_000 < left <= 7_000
    await session.close()


async def test_the_lease_of_the_store_is_used_if_none_is_given(store: Any, world: World) -> None:
    await store.configure(lease=300)
    session = await store.create(id="a")
    assert 290_000 < world.lease_end(":a") - world.now() <= 300_000
    await session.close()


async def test_a_held_session_is_renewed_far_beyond_its_lease(store: Any, world: World) -> None:
    await store.create(id="a", open=False)
    session = await store.open("a", lease=0.9)
    opened = world.lease_end(":a")
    await until(lambda: world.lease_end(":a") > opened + 1000, "renewed time and again")
    with pytest.raises(SessionInUse):
        await store.open("a", wait=0)
    session["n"] = 1
    await session.close()
    assert (await store.read("a"))["n"] == 1
    assert "lease lost" not in await kinds(store)


async def test_many_held_sessions_are_renewed(store: Any, world: World) -> None:
    await store.configure(lease=0.9)
    held = [await store.create(owner=f"u{n % 3}", data={}) for n in range(12)]
    start = world.now()
    await until(lambda: world.now() > start + 1500, "the leases would be over")
    for session in held:
        await session.close()
    assert "lease lost" not in await kinds(store)


async def test_renew_lengthens_the_lease(store: Any, world: World) -> None:
    session = await store.create(id="a")
    world.lease_until(":a", world.now() + 5_000)
    await session.renew()
    assert world.lease_end(":a") - world.now() > 20_000
    await session.close()


async def test_the_keys_outlast_a_lease_that_was_lengthened_for_all(
    store: Any, world: World
) -> None:
    await store.create(id="a", owner="alice", timeout=1, open=False)
    await store.configure(lease=3600)
    session = await store.open("a", owner="alice")
    home = world.home("alice:a")
    assert world.raw.pttl(home.session) >= 3_590_000
    assert world.raw.pttl(home.bucket.owned("alice")) >= 3_590_000
    await session.close()


async def test_idle_time_does_not_run_while_it_is_open(store: Any, world: World) -> None:
    session = await store.create(id="a", timeout=1)
    world.raw.hincrby(world.home(":a").session, "a", -100_000)
    assert (await store.read("a")).info.holder == store.label
    assert await store.sweep() == 0
    await session.close()
    assert await store.count() == 1


async def test_a_lease_lowered_for_all_cuts_off_nobody_who_has_a_longer_one(
    store: Any, world: World
) -> None:
    await store.configure(lease=1.5)
    session = await store.create(id="a", data={"n": 1})
    await store.configure(lease=0.2)
    start = world.now()
    await until(lambda: world.now() > start + 2500, "longer than either lease")
    with pytest.raises(SessionInUse):
        await store.open("a", wait=0)
    await session.renew()
    assert world.lease_end(":a") - world.now() > 1000
    await session.close()
    assert "lease lost" not in await kinds(store)
    await store.open("a")
    assert world.lease_end(":a") - world.now() <= 200


async def test_a_lease_raised_for_all_is_that_of_who_is_renewed(store: Any, world: World) -> None:
    session = await store.create(id="a")
    await store.create(id="b", open=False)
    short = await store.open("b", lease=7)
    await store.configure(lease=300)
    await session.renew()
    await short.renew()
    assert world.lease_end(":a") - world.now() > 290_000
    assert world.lease_end(":b") - world.now() <= 7_000


@pytest.mark.parametrize("lease", [0.3, 30], ids=["seen by the renewal", "seen by the call"])
@pytest.mark.parametrize("call", ["save", "close", "renew", "delete"])
async def test_a_lifetime_that_ends_while_it_is_held_is_no_lost_lease(
    store: Any, world: World, call: str, lease: float
) -> None:
    await store.configure(lease=lease)
    session = await store.create(id="a", lifetime=0.4)
    start = world.now()
    await until(lambda: world.now() > start + 700, "its lifetime is over, and a renewal was made")
    with pytest.raises(SessionEnded, match="lifetime"):
        await getattr(session, call)()
    assert not session.is_open
    await store.sweep()
    assert await kinds(store) == ["created", "expired"]


async def test_a_lifetime_that_ends_before_a_lease_does_is_no_lost_lease(
    store: Any, world: World
) -> None:
    session = await store.create(id="a", lifetime=10)
    world.age(":a", 40)
    with pytest.raises(SessionEnded, match="lifetime"):
        await session.save()
    assert await kinds(store) == ["created", "expired"]


async def test_a_lease_that_is_lost_before_the_lifetime_ends_is_lost(
    store: Any, world: World
) -> None:
    session = await store.create(id="a", lifetime=35)
    world.age(":a", 40)
    with pytest.raises(LeaseLost):
        await session.save()
