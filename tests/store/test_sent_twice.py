"""Every operation may reach the server twice, for its answer may be lost; it has one effect.

Each story is told by a store that sends each operation once, and by one that sends each twice
and sees only the second answer. Both must come to the same end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from lxml import etree

from sessionstore import Conflict, QuotaExceeded, SessionEnded, SessionExists, SessionInUse
from tests.support.wait import until
from tests.support.worlds import World, send_twice

Story = Callable[[Any, World], Awaitable[None]]
STORIES: list[Story] = []


def story(told: Story) -> Story:
    STORIES.append(told)
    return told


@story
async def made_changed_and_deleted(store: Any, world: World) -> None:
    session = await store.create(id="a", owner="alice", data={"n": 1, "x": 1})
    session["n"] = 2
    await session.save()
    await session.renew()
    session["n"] = 3
    del session["x"]
    await session.close(timeout=50)
    await store.touch("a", "alice")
    session = await store.open("a", "alice", fields=["n"])
    session["n"] += 1
    await session.close()
    await store.create(id="kept", owner="alice", data={"n": 1}, open=False)
    assert await store.delete("a", "alice") is True
    with pytest.raises(SessionEnded):
        await store.delete("a", "alice")
    with pytest.raises(SessionExists):
        await store.create(id="kept", owner="alice")


@story
async def deleted_by_its_holder_and_made_again(store: Any, world: World) -> None:
    await (await store.create(id="a")).delete()
    async with await store.create(id="a", data={"n": 1}) as session:
        session["n"] = 2


@story
async def deleted_while_it_was_open(store: Any, world: World) -> None:
    session = await store.create(id="a")
    session["n"] = 1
    assert await store.delete("a") is False
    await session.close()
    session = await store.create(id="b")
    await store.delete("b")
    await session.discard()


@story
async def lists_and_longstrings_were_changed(store: Any, world: World) -> None:
    session = await store.create(id="a")
    basket, text = session.list("basket"), session.longstring("text")
    await basket.append(1, 2, 3)
    await basket.insert(1, "x")
    await basket.remove(0, 1)
    await basket.append(4, cap=3)
    await basket.replace([*await basket.page(), 5])
    await text.append("hello")
    await text.append(" you")
    await text.write(0, "H")
    assert await basket.page() == [2, 3, 4, 5]
    assert await text.read() == b"Hello you"
    await session.list("gone").append(1)
    await session.list("gone").drop()
    await session.close(id="b")
    async with store.open("b") as session:
        assert list(session.kept("list")) == ["basket"]
        assert await session.list("basket").page() == [2, 3, 4, 5]
        assert await session.longstring("text").append("!") == 10


@story
async def large_values_were_put(store: Any, world: World) -> None:
    await store.configure(max_bytes=None)
    session = await store.create(id="a", owner="alice")
    text, basket = session.longstring("text"), session.list("basket")
    for whole in (b"x" * 3_000_000, b"small", b"y" * 1_500_000):
        await text.replace(whole)
        assert await text.read() == whole
        assert await text.append("z" * 1_500_000) == len(whole) + 1_500_000
    await basket.replace(range(1200))
    assert await basket.append(*range(1200), cap=1500) == 1500
    root = etree.Element("a")
    root.text = "x" * 1_500_000
    session.put_document("order", etree.ElementTree(root))
    await session.close(id="b", owner="bob")
    async with store.open("b", "bob") as session:
        assert await session.longstring("text").read() == b"y" * 1_500_000 + b"z" * 1_500_000
        assert await session.list("basket").page(0, 2000) == [*range(900, 1200), *range(1200)]
        assert (await session.document("order")).getroot().text == root.text
        world.size(session)


@story
async def changed_without_opening(store: Any, world: World) -> None:
    await store.create(id="a", open=False)
    one = store.atomic("a")
    assert [await one.add("n"), await one.add("n", 2)] == [1, 3]
    assert await one.append("l", 1, 2) == 2
    assert await one.append("l", 3, cap=2) == 2
    assert await one.set_if("s", "new")
    assert await one.take("l") == [2, 3]
    assert dict(await store.read("a")) == {"n": 3, "s": "new"}
    session = await store.open("a")
    assert await store.atomic("a", when_open="apply").add("n") == 4
    await session.close()


@story
async def handed_from_one_to_the_next(store: Any, world: World) -> None:
    holder = await store.create(id="a", data={"order": []})

    async def visit(number: int) -> None:
        async with store.open("a", wait=20) as session:
            session["order"].append(number)

    waiters = []
    for number in range(3):
        waiters.append(asyncio.create_task(visit(number)))
        await until(lambda: world.waiting(":a") == len(waiters), "it is in the line")
    with pytest.raises(SessionInUse):
        await store.open("a", wait=0)
    await holder.close()
    await asyncio.gather(*waiters)


@story
async def shared_by_writers(store: Any, world: World) -> None:
    await store.create(id="a", data={"x": 0, "y": 0}, open=False)
    first, second = [await store.open("a", mode="shared") for _ in range(2)]
    first["x"] = 1
    await first.save()
    first["x"] = 2
    del first["y"]
    await first.save()
    second["x"] = 3
    with pytest.raises(Conflict):
        await second.save()


@story
async def moved(store: Any, world: World) -> None:
    for change in ({"id": "b"}, {"owner": "bob"}, {"id": "c", "owner": "*"}):
        session = await store.create(id="a", owner="alice", data={"n": 1})
        session["n"] = 2
        await session.close(**change)
    await store.create(id="a", owner="alice", open=False)
    session = await store.open("a", "alice")
    with pytest.raises(SessionExists):
        await session.close(id="b")
    await session.close()


@story
async def limited(store: Any, world: World) -> None:
    await store.configure(max_private=2, max_per_owner=1, max_public=1)
    await store.create(id="a", owner="alice", open=False)
    await store.create(id="b", owner="bob", open=False)
    for owner in ("alice", "carol"):
        with pytest.raises(QuotaExceeded):
            await store.create(id="x", owner=owner)
    await store.delete("a", "alice")
    session = await store.create(id="c", owner="carol")
    await session.close(owner="dave")
    await store.configure(at_limit="evict")
    world.age("bob:b", 50)
    await store.create(id="e", owner="erin", open=False)
    await store.end_all("erin")
    await store.configure(max_private=None)


@story
async def cut_off(store: Any, world: World) -> None:
    await store.create(id="a", data={"n": 1})
    world.lapse(":a")
    await (await store.open("a")).close()
    await store.create(id="b", data={"n": 1}, open=False)
    world.age(":b", 901)
    await store.sweep()
    await store.configure(max_timeout=60)


@story
async def given_up(store: Any, world: World) -> None:
    holder = await store.create(id="a")
    with pytest.raises(SessionInUse):
        await store.open("a", wait=0.03)

    async def waiting() -> None:
        await store.open("a", wait=2)

    task = asyncio.create_task(waiting())
    await until(lambda: world.waiting(":a") == 1, "it waits")
    if world.shell == "async":
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert world.waiting(":a") == 0
        await holder.close()
    else:
        await holder.close()
        await task


async def outcome(store: Any, world: World) -> dict[str, Any]:
    """What is left after a story, as far as it does not depend on the time."""
    sessions = []
    async for info in store.list():
        found = await store.read(info.id, info.owner)
        sessions.append((info.owner, info.id, dict(found), info.holder, info.timeout))
    events = [(event.kind, event.id, event.owner, event.reason) async for event in store.events()]
    pools = {pool.name: world.raw.zcard(pool.seats) for pool in world.keys.pools()}
    return {
        "sessions": sorted(sessions, key=repr),
        "events": sorted(events),
        "count": await store.count(),
        "seats": pools,
        "lines": [name for name in world.names() if "}w:" in name],
    }


@pytest.mark.parametrize("tell", STORIES, ids=lambda told: told.__name__)
async def test_what_is_sent_twice_has_one_effect(store: Any, world: World, tell: Story) -> None:
    await tell(store, world)
    expected = await outcome(store, world)
    world.clear()

    other = await world.connect()
    send_twice(other)
    await tell(other, world)
    assert await outcome(other, world) == expected
