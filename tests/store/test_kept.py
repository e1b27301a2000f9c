"""What is promised to last does, also for sessions that were there before it was promised."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sessionstore import QuotaExceeded, SessionEnded
from tests.support.worlds import Client, World

DAY = 86_400
NEARLY_A_YEAR = 360 * DAY

SCENES = ("closed before", "open before", "cut off before", "made after", "touched after")


def keys_of(world: World, sid: str) -> list[str]:
    """All keys that hold something of a session, or list it among those of its owner."""
    home, fields = world.home(sid), world.fields(sid)
    beside = [home.value(fields[name][:16].decode()) for name in fields if name[0] == ":"]
    return [home.session, home.bucket.owned("ann"), *beside]


def stays(world: World, sid: str) -> float:
    """Return for how many seconds all that a session has is sure to be there."""
    return min(int(world.raw.pttl(key)) for key in keys_of(world, sid)) / 1000


async def fill(session: Any) -> None:
    session["n"] = 1
    await session.list("basket").append(1)
    await session.save()


@pytest.mark.parametrize("scene", SCENES)
async def test_a_store_that_keeps_what_times_out_keeps_what_was_there_before(
    store: Any, world: World, scene: str
) -> None:
    await store.configure(linger=0, lease=5)
    if scene == "made after":
        await store.configure(at_timeout="keep")
    session = await store.create(id="a", owner="ann", timeout=100)
    await fill(session)
    if scene in ("closed before", "touched after"):
        await session.close()
    if scene == "cut off before":
        world.lapse("ann:a")
    await store.configure(at_timeout="keep")
    if scene in ("open before", "made after"):
        await session.close()
    if scene == "touched after":
        await store.touch("a", "ann")
    assert stays(world, "ann:a") > NEARLY_A_YEAR
    world.age("ann:a", NEARLY_A_YEAR)
    assert await store.count("ann") == 1
    async with store.open("a", owner="ann") as session:
        assert session["n"] == 1
        assert await session.list("basket").page() == [1]


@pytest.mark.parametrize("again", [False, True])
async def test_what_has_timed_out_before_does_not_live_again_when_a_store_keeps_what_times_out(
    store: Any, world: World, again: bool
) -> None:
    """Nobody has looked at it since; so it was not ended yet."""
    await store.configure(max_private=1)
    await store.create(id="a", owner="ann", timeout=100, open=False)
    if again:
        await store.configure(at_timeout="keep")
        await store.configure(at_timeout="end")
    world.age("ann:a", 101)
    await store.create(id="b", owner="bob", open=False)
    await store.configure(at_timeout="keep")
    await store.configure(max_private=1)
    assert await store.count() == 1
    with pytest.raises(SessionEnded):
        await store.open("a", owner="ann")


async def test_it_is_kept_as_long_after_each_opening(store: Any, world: World) -> None:
    await store.configure(at_timeout="keep")
    async with await store.create(id="a", owner="ann", timeout=100) as session:
        await fill(session)
    world.age("ann:a", NEARLY_A_YEAR)
    await store.open("a", owner="ann")
    assert stays(world, "ann:a") > NEARLY_A_YEAR
    world.lapse("ann:a")
    world.age("ann:a", 300 * DAY)
    assert (await store.read("a", owner="ann"))["n"] == 1


async def test_who_has_held_it_for_long_has_it_kept_too(store: Any, world: World) -> None:
    session = await store.create(id="a", owner="ann", timeout=100)
    await fill(session)
    world.age("ann:a", 25)
    await session.renew()
    for _ in range(20):
        world.age("ann:a", 25)
        await session.renew()
    await store.configure(at_timeout="keep")
    await session.renew()
    assert stays(world, "ann:a") > NEARLY_A_YEAR
    world.lapse("ann:a")
    world.age("ann:a", NEARLY_A_YEAR)
    assert (await store.read("a", owner="ann"))["n"] == 1


@pytest.mark.parametrize(
    "changes", [{"max_timeout": 5}, {"at_timeout": "keep"}, {"linger": 120}], ids=str
)
async def test_new_parameters_end_nothing_that_was_held_for_longer_than_its_timeout(
    store: Any, world: World, changes: dict[str, Any]
) -> None:
    await store.configure(linger=0)
    session = await store.create(id="a", owner="ann", timeout=10)
    await fill(session)
    for _ in range(10):
        world.age("ann:a", 25)
        await session.renew()
    await store.configure(**changes)
    session["n"] = 2
    await session.close()
    assert (await store.read("a", owner="ann"))["n"] == 2


@pytest.mark.parametrize("held", [True, False], ids=["open", "closed"])
async def test_linger_raised_holds_for_what_ends_unseen(
    store: Any, world: World, held: bool
) -> None:
    await store.configure(linger=0)
    session = await store.create(id="a", owner="ann", timeout=10)
    await fill(session)
    if not held:
        await session.close()
    await store.configure(linger=timedelta(days=10))
    assert stays(world, "ann:a") > 10 * DAY
    world.age("ann:a", 9 * DAY)
    with pytest.raises(SessionEnded, match="timed out"):
        await store.read("a", owner="ann")
    world.age("ann:a", 9 * DAY)
    with pytest.raises(SessionEnded, match="timed out"):
        await store.read("a", owner="ann")


async def test_a_longer_lease_is_outlived_by_the_keys(store: Any, world: World) -> None:
    await store.configure(linger=0, lease=1)
    session = await store.create(id="a", owner="ann", timeout=10)
    await fill(session)
    await store.configure(lease=DAY)
    await session.renew()
    assert stays(world, "ann:a") > DAY
    await session.close()
    await store.open("a", owner="ann")
    assert stays(world, "ann:a") > DAY


async def test_what_is_to_be_deleted_ends_with_its_lease_after_new_parameters(
    store: Any, world: World
) -> None:
    await store.create(id="a", owner="ann", timeout=900)
    await store.delete("a", owner="ann")
    await store.configure(at_timeout="keep")
    world.lapse("ann:a")
    assert await store.sweep() == 1


async def test_more_than_a_page_is_kept(store: Any, world: World) -> None:
    for n in range(150):
        await store.create(id=f"n{n}", owner="ann", open=False)
    await store.configure(at_timeout="keep")
    assert min(stays(world, f"ann:n{n}") for n in range(150)) > NEARLY_A_YEAR


async def keeps(store: Any, world: World, number: int) -> list[str]:
    """Make ann's sessions, which have timed out and are kept, many of them at the same moment."""
    await store.configure(at_timeout="keep")
    await store.create(id="n", owner="ann", timeout=100, open=False)
    world.raw.hset(world.home("ann:n").bucket.parameters, "kept_since", 1)
    world.raw.hset(world.home("ann:n").session, "a", 5)
    sids = world.copies("ann:n", number, 100_005)
    await store.delete("n", owner="ann")
    return sids


async def test_many_that_are_kept_hide_none_that_is_over(store: Any, world: World) -> None:
    """They stay first among what is due; a page is 100, and there are three of them."""
    await keeps(store, world, 320)
    await store.create(id="short", owner="ann", lifetime=100, open=False)
    world.age("ann:short", 101)
    await store.configure(max_private=321)
    await store.create(id="b", owner="bob", open=False)
    with pytest.raises(QuotaExceeded):
        await store.create(id="c", owner="bob", open=False)
    assert await store.count() == 321
    assert await store.sweep() == 320
    assert await store.count() == 1


@pytest.mark.parametrize("owner", ["ann", None])
async def test_who_becomes_active_while_it_is_counted_is_counted_once(
    store: Any, world: World, owner: str | None
) -> None:
    """A count looks at 500 that are due at a time; each of them may be touched in between."""
    sids = await keeps(store, world, 620)
    driver = world.driver()
    for touched in (sids[:50], sids[-50:], sids):
        counting = Client(driver, store._calls.count(owner))
        counting.goes()
        for sid in touched:
            await store.touch(sid.partition(":")[2], owner="ann")
        assert counting.ends() == 620


async def test_who_ends_while_it_is_counted_hides_nobody(store: Any, world: World) -> None:
    sids = await keeps(store, world, 620)
    counting = Client(world.driver(), store._calls.count(None))
    counting.goes()
    for sid in (sids[10], sids[500], sids[600]):
        await store.delete(sid.partition(":")[2], owner="ann")
    assert 617 <= counting.ends() <= 618
    assert await store.count() == 617


async def test_a_sweep_ends_what_has_timed_out_also_behind_a_session_that_was_cut_off(
    store: Any, world: World
) -> None:
    await store.configure(at_timeout="keep")
    await store.create(id="cut off", owner="ann", timeout=50)
    for id in ("b", "c"):
        await store.create(id=id, owner="ann", timeout=100, open=False)
    world.age("ann:cut off", 60)
    for id in ("b", "c"):
        world.age(f"ann:{id}", 101)
    assert await store.sweep() == 2
    assert [info.id async for info in store.list(owner="ann")] == ["cut off"]
