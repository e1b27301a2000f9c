"""Lists of a session: by name, in order, kept beside the session and changed without loading."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from sessionstore import (
    LeaseLost,
    QuotaExceeded,
    SessionNotOpen,
    TypeRefused,
    ValueTooLarge,
)
from tests.support.worlds import World


@pytest.fixture
def session(store: Any, runner: asyncio.Runner) -> Any:
    async def made() -> Any:
        return await store.create(id="a", owner="ann")

    return runner.run(made())


def beside(world: World) -> list[str]:
    """The keys of all that is kept beside sessions."""
    return [key for key in world.names() if "}v:" in key]


async def items(of: Any) -> list[Any]:
    return [item async for item in of.items()]


async def test_a_list_keeps_its_items_from_one_holder_to_the_next(store: Any, session: Any) -> None:
    basket = session.list("basket")
    assert await basket.append("tea", {"n": (1, 2)}) == 2
    assert await basket.append(timedelta(1)) == 3
    await session.close()

    session = await store.open("a", owner="ann")
    basket = session.list("basket")
    assert list(session.kept("list")) == ["basket"]
    assert await basket.page() == ["tea", {"n": (1, 2)}, timedelta(1)]
    assert [await basket.get(0), await basket.get(-1)] == ["tea", timedelta(1)]
    assert await basket.count() == 3


async def test_a_list_does_what_a_list_of_python_does(session: Any) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance, there, ours = random.Random(seed), session.list("l"), list[Any]()
    for number in range(120):
        match chance.choice(("append", "insert", "remove", "set", "cap", "sort", "replace")):
            case "append":
                new = [f"{number}.{n}" for n in range(chance.randrange(4))]
                ours += new
                assert await there.append(*new) == len(ours)
            case "insert":
                at = chance.randint(-len(ours) - 1, len(ours) + 1)
                new = [f"{number}.{n}" for n in range(chance.randrange(45))]
                place = max(0, len(ours) + at) if at < 0 else at
                ours[place:place] = new
                assert await there.insert(at, *new) == len(ours)
            case "remove":
                start = chance.randint(-len(ours) - 1, len(ours) + 1)
                stop = chance.choice((None, start + chance.randrange(9)))
                gone = ours[start:stop]
                del ours[start:stop]
                assert await there.remove(start, stop) == len(gone)
            case "set" if ours:
                at = chance.randrange(-len(ours), len(ours))
                ours[at] = number
                await there.set(at, number)
            case "cap":
                cap = chance.randint(1, 30)
                ours = [*ours, number][-cap:]
                assert await there.append(number, cap=cap) == len(ours)
            case "sort":
                ours.sort(key=str, reverse=True)
                await there.sort(key=str, reverse=True)
            case "replace":
                chance.shuffle(ours)
                await there.replace(ours)
        start, count = chance.randint(-9, 9), chance.randint(0, 9)
        begin = max(0, len(ours) + start) if start < 0 else start
        assert await there.page(start, count) == ours[begin : begin + count]
    assert await items(there) == ours
    assert await there.count() == len(ours)


async def test_long_lists_go_in_pages(session: Any) -> None:
    numbers = list(range(1700))
    there = session.list("l")
    assert await there.append(*numbers) == 1700
    assert await items(there) == numbers
    assert await there.page(300, 1200) == numbers[300:1500]
    assert await there.remove(100, 1600) == 1500
    assert await items(there) == numbers[:100] + numbers[1600:]
    await there.replace(numbers)
    assert await there.append("last", cap=3) == 3
    assert await items(there) == [1698, 1699, "last"]


async def test_an_item_that_is_not_there_is_an_index_error(session: Any) -> None:
    there = session.list("l")
    await there.append("one")
    for index in (1, -2):
        with pytest.raises(IndexError, match="1 items"):
            await there.get(index)
        with pytest.raises(IndexError, match="1 items"):
            await there.set(index, "x")
    assert await items(there) == ["one"]


async def test_what_cannot_be_stored_is_refused_with_its_place(session: Any) -> None:
    with pytest.raises(TypeRefused, match=r"l\[1\]"):
        await session.list("l").append(1, object())
    assert list(session.kept("list")) == []


async def test_two_lists_and_attributes_of_one_name_do_not_meet(session: Any) -> None:
    session["x"] = 1
    await session.list("x").append(2)
    await session.list("y").append(3)
    await session.save()
    assert session["x"] == 1
    assert list(session) == ["x"]
    assert await items(session.list("x")) == [2]


async def test_a_list_ends_with_its_session_and_leaves_nothing(
    store: Any, session: Any, world: World
) -> None:
    await session.list("l").append(*range(10))
    assert len(beside(world)) == 1
    await session.delete()
    assert beside(world) == []

    await (await store.create(id="b")).list("l").append(1)
    world.age(":b", 2000)
    assert await store.sweep() == 1
    assert beside(world) == []


async def test_a_dropped_list_is_gone_at_once(session: Any, world: World) -> None:
    await session.list("l").append(1)
    await session.list("l").drop()
    assert list(session.kept("list")) == []
    assert beside(world) == []
    assert await session.list("l").page() == []


async def test_a_list_lives_as_long_as_its_session(store: Any, session: Any, world: World) -> None:
    def lives() -> tuple[int, int]:
        (key,) = beside(world)
        return world.raw.pexpiretime(key), world.raw.pexpiretime(world.home(session).session)

    await session.list("l").append(1)
    assert lives()[0] == lives()[1]
    await session.close(timeout=7200)
    assert lives()[0] == lives()[1] > world.now() + 7_200_000
    session = await store.open("a", owner="ann", lease=timedelta(days=1))
    assert lives()[0] == lives()[1] > world.now() + 86_400_000


@pytest.mark.parametrize("target", [{"id": "b"}, {"owner": "bob"}, {"owner": "*", "id": "b"}])
async def test_a_list_goes_along_when_its_session_gets_another_id_or_owner(
    store: Any, session: Any, world: World, target: dict[str, str]
) -> None:
    await session.list("l").append(*range(1200))
    await session.list("k").append("k")
    await session.close(**target)
    moved = await store.open(target.get("id", "a"), owner=target.get("owner", "ann"))
    assert list(moved.kept("list")) == ["k", "l"]
    assert await items(moved.list("l")) == list(range(1200))
    assert len(beside(world)) == 2
    await moved.delete()
    assert beside(world) == []


async def test_lists_count_toward_the_size_of_the_session(store: Any, session: Any) -> None:
    await store.configure(max_bytes=2000)
    there = session.list("l")
    await there.append(*["x" * 98] * 15)
    with pytest.raises(ValueTooLarge) as caught:
        await there.append(*["x" * 98] * 5)
    assert caught.value.limit == 2000
    session["more"] = "y" * 600
    with pytest.raises(ValueTooLarge):
        await session.save()
    await there.remove(0, 10)
    await session.save()
    await there.append(*["x" * 98] * 3)
    await there.drop()
    session["more"] = "y" * 1900
    await session.close()


async def test_there_is_a_limit_to_what_is_kept_beside_a_session(
    session: Any, world: World
) -> None:
    at_most = {f":l{n}": b"0123456789abcdef0" for n in range(499)}
    world.raw.hset(world.home(session).session, mapping={**at_most, "p": "1"})
    await session.list("one more").append(1)
    with pytest.raises(QuotaExceeded) as caught:
        await session.list("too many").append(1)
    assert (caught.value.limit, caught.value.value) == ("kept", 500)
    with pytest.raises(QuotaExceeded):
        await session.list("too many").replace([1])
    await session.list("one more").append(2)


async def test_a_holder_that_lost_its_lease_changes_and_reads_nothing(
    store: Any, session: Any, world: World
) -> None:
    there = session.list("l")
    await there.append(1)
    world.lapse(session)
    successor = await store.open("a", owner="ann")
    for call in (
        lambda: there.append(2), there.page, lambda: there.replace([3]), there.drop
    ):  # fmt: skip
        session._lost = False
        with pytest.raises(LeaseLost):
            await call()
    assert await items(successor.list("l")) == [1]


@pytest.mark.parametrize("mode", ["read", "shared"])
async def test_lists_are_for_the_one_holder(store: Any, session: Any, mode: str) -> None:
    await session.list("l").append(1)
    await session.close()
    async with store.open("a", owner="ann", mode=mode) as visit:
        with pytest.raises(SessionNotOpen, match="exclusively"):
            await visit.list("l").page()


async def test_lists_can_be_used_where_only_some_attributes_were_asked_for(
    store: Any, session: Any
) -> None:
    await session.list("l").append(1)
    await session.close()
    async with store.open("a", owner="ann", fields=["x"]) as some:
        assert await some.list("l").append(2) == 2
        await some.list("l").replace([3])
        await some.list("l").drop()
    async with store.open("a", owner="ann") as whole:
        assert list(whole.kept("list")) == []
