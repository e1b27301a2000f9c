"""One holder at a time; the others wait in line, and the close hands it to the first of them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sessionstore import QuotaExceeded, SessionEnded, SessionInUse
from sessionstore._core import sessions
from sessionstore._core.keys import ticket
from sessionstore._core.sessions import ANY
from tests.support.wait import until
from tests.support.worlds import DIGITS, World


async def in_line(world: World, sid: str, store: Any, count: int, **how: Any) -> asyncio.Task[Any]:
    """Start an open, and return when it is in the line as the last of so many."""
    how = {"wait": 20} | how

    async def opening() -> Any:
        return await store.open(sid.partition(":")[2], **how)

    task = asyncio.create_task(opening())
    await until(lambda: world.waiting(sid) == count or task.done(), "it is in the line")
    return task


async def test_who_may_not_wait_is_told_who_has_it_and_until_when(store: Any, world: World) -> None:
    holder = await store.create(id="a")
    other = await world.connect()
    with pytest.raises(SessionInUse) as caught:
        await other.open("a", wait=0)
    assert caught.value.holder == store.label
    assert caught.value.waiting == 0
    left = caught.value.until - datetime.fromtimestamp(world.now() / 1000, UTC)
    assert timedelta(seconds=20) < left <= timedelta(seconds=30)
    with pytest.raises(SessionInUse):
        await other.open("a")  # the store's wait is 0 too
    await holder.close()
    await (await other.open("a", wait=0)).close()


async def test_waiters_are_served_in_the_order_they_came(store: Any, world: World) -> None:
    holder = await store.create(id="a", data={"order": []})
    waiters = [await in_line(world, ":a", store, number + 1) for number in range(5)]
    with pytest.raises(SessionInUse) as caught:
        await store.open("a", wait=0)
    assert caught.value.waiting == 5
    await holder.close()
    for number, waiter in enumerate(waiters):
        session = await waiter
        assert not any(later.done() for later in waiters[number + 1 :])
        session["order"].append(number)
        await session.close()
    assert (await store.read("a"))["order"] == [0, 1, 2, 3, 4]
    assert not [name for name in world.names() if "w:" in name]


async def test_a_newcomer_does_not_overtake_a_waiter(store: Any, world: World) -> None:
    holder = await store.create(id="a")
    waiter = await in_line(world, ":a", store, 1)
    await holder.close()
    with suppress(SessionInUse):
        session = await store.open("a", wait=0)
        pytest.fail(f"{session} was not for the newcomer")
    await (await waiter).close()


async def test_fences_grow_along_the_line(store: Any, world: World) -> None:
    holder = await store.create(id="a")
    fences = [holder.fence]
    waiters = [await in_line(world, ":a", store, number + 1) for number in range(3)]
    await holder.close()
    for waiter in waiters:
        session = await waiter
        fences.append(session.fence)
        await session.close()
    assert fences == sorted(set(fences))


async def test_a_wait_ends_in_time_and_says_who_has_it(store: Any, world: World) -> None:
    holder = await store.create(id="a")
    with pytest.raises(SessionInUse) as caught:
        await store.open("a", wait=0.05)
    assert caught.value.holder == store.label
    assert world.waiting(":a") == 0
    await holder.close()


async def test_the_wait_of_the_store_is_used_if_none_is_given(store: Any, world: World) -> None:
    await store.configure(wait=20)
    holder = await store.create(id="a")
    waiter = await in_line(world, ":a", store, 1, wait=None)
    await holder.close()
    await (await waiter).close()


async def test_a_waiter_that_gave_up_does_not_hold_up_the_next(store: Any, world: World) -> None:
    holder = await store.create(id="a")
    early = await in_line(world, ":a", store, 1, wait=0.3)
    late = await in_line(world, ":a", store, 2)
    with pytest.raises(SessionInUse):
        await early
    await holder.close()
    await (await late).close()


async def test_a_waiter_that_died_does_not_hold_up_the_next(store: Any, world: World) -> None:
    holder = await store.create(id="a")
    home, dead = world.home(":a"), ticket()
    world.driver().do(
        sessions.open_(
            home, dead, "dead", ANY, lease_ms=None, wait_ms=20_000, wait_end=None, fields=None
        )
    )
    late = await in_line(world, ":a", store, 2)
    await holder.close()
    assert (await store.read("a")).info.holder == "dead"
    assert not late.done()
    world.lapse(":a")  # as if the 2 s to take it up were over
    await (await late).close()


async def test_a_dead_waiter_whose_time_is_over_is_not_counted(store: Any, world: World) -> None:
    await store.configure(max_waiters=1)
    holder = await store.create(id="a")
    home = world.home(":a")
    world.driver().do(
        sessions.open_(
            home, ticket(), "dead", ANY, lease_ms=None, wait_ms=1, wait_end=None, fields=None
        )
    )
    await until(lambda: world.now() > int(world.raw.lindex(home.waiters, 0)[:DIGITS]), "over")
    late = await in_line(world, ":a", store, 1)
    assert not late.done()
    await holder.close()
    await (await late).close()


async def test_the_line_has_a_limit(store: Any, world: World) -> None:
    await store.configure(max_waiters=2)
    holder = await store.create(id="a")
    waiters = [await in_line(world, ":a", store, number + 1) for number in range(2)]
    with pytest.raises(QuotaExceeded) as caught:
        await store.open("a", wait=20)
    assert (caught.value.limit, caught.value.value) == ("waiters", 2)
    with pytest.raises(SessionInUse):
        await store.open("a", wait=0)
    await holder.close()
    for waiter in waiters:
        await (await waiter).close()


async def test_nobody_may_wait_where_the_limit_is_nought(store: Any) -> None:
    await store.configure(max_waiters=0)
    holder = await store.create(id="a")
    with pytest.raises(QuotaExceeded):
        await store.open("a", wait=20)
    await holder.close()


@pytest.mark.parametrize("end", ["deleted by its holder", "deleted by another", "moved"])
async def test_waiters_are_told_when_the_session_ends(store: Any, world: World, end: str) -> None:
    holder = await store.create(id="a")
    waiters = [await in_line(world, ":a", store, number + 1) for number in range(2)]
    if end == "deleted by its holder":
        await holder.delete()
    elif end == "deleted by another":
        assert await store.delete("a") is False
        await holder.close()
    else:
        await holder.close(id="b")
    for waiter in waiters:
        with pytest.raises(SessionEnded) as caught:
            await waiter
        assert caught.value.reason == end.partition(" ")[0]


async def test_a_waiter_gets_what_the_holder_saved(store: Any, world: World) -> None:
    holder = await store.create(id="a")
    waiter = await in_line(world, ":a", store, 1, fields=["n"], lease=12)
    holder["n"] = 1
    holder["m"] = 2
    await holder.close()
    session = await waiter
    assert dict(session) == {"n": 1}
    assert world.lease_end(":a") - world.now() > 10_000
    await session.close()


@pytest.mark.needs("counts")
async def test_waiting_does_not_poll(store: Any, world: World) -> None:
    holder = await store.create(id="a")
    before = world.calls("evalsha")
    waiters = [await in_line(world, ":a", store, number + 1) for number in range(3)]
    queued = world.calls("evalsha")
    assert queued - before == 3
    await asyncio.gather(*(store.read("a") for _ in range(20)))  # some time goes by
    assert world.calls("evalsha") - queued == 20
    await holder.close()
    for waiter in waiters:
        await (await waiter).close()
    assert world.calls("evalsha") - queued - 20 == 1 + 2 * len(waiters)


async def test_a_delete_waits_for_the_holder_to_close(store: Any, world: World) -> None:
    holder = await store.create(id="a")
    deleting = asyncio.create_task(store.delete("a", wait=20))
    await until(lambda: world.waiting(":a") == 1, "the delete waits")
    assert not deleting.done()
    await holder.close()
    assert await deleting is True
    with pytest.raises(SessionEnded):
        await store.read("a")


async def test_a_delete_that_waited_in_vain_still_takes_effect_at_the_close(store: Any) -> None:
    holder = await store.create(id="a")
    assert await store.delete("a", wait=0.05) is False
    await holder.save()
    assert (await store.read("a")).info.holder == store.label
    holder["n"] = 1
    await holder.close()
    with pytest.raises(SessionEnded, match="deleted"):
        await store.open("a")
    assert await store.count() == 0
