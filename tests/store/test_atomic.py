"""One attribute is changed at one moment, without opening the session; holders are respected."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sessionstore import (
    ABSENT,
    ConfigError,
    SessionEnded,
    SessionInUse,
    SessionNotFound,
    TypeRefused,
    ValueTooLarge,
)
from tests.support.wait import until
from tests.support.worlds import World


@pytest.mark.parametrize(
    ("first", "more", "total"),
    [
        (1, 2, 3),
        (1.5, 1, 2.5),
        (Decimal("0.1"), Decimal("0.2"), Decimal("0.3")),
        (timedelta(1), timedelta(2), timedelta(3)),
        (1 << 70, -1, (1 << 70) - 1),
    ],
)
async def test_numbers_are_added(store: Any, first: Any, more: Any, total: Any) -> None:
    await store.create(id="a", open=False)
    assert await store.atomic("a").add("n", first) == first
    assert await store.atomic("a").add("n", more) == total
    assert await store.read("a") == {"n": total}


async def test_all_additions_count_however_many_add_at_once(store: Any, world: World) -> None:
    await store.create(id="a", open=False)
    others = [await world.connect() for _ in range(3)]
    sums = await asyncio.gather(
        *(other.atomic("a").add("n") for other in (store, *others) for _ in range(10))
    )
    assert sorted(sums) == list(range(1, 41))
    assert await store.read("a") == {"n": 40}


async def test_items_are_appended_and_a_cap_keeps_the_last(store: Any) -> None:
    await store.create(id="a", open=False)
    one = store.atomic("a")
    assert await one.append("seen", "x") == 1
    assert await one.append("seen", "y", "z", cap=2) == 2
    assert await one.append("seen", cap=0) == 0
    await asyncio.gather(*(one.append("all", n) for n in range(20)))
    found = await store.read("a")
    assert found["seen"] == []
    assert sorted(found["all"]) == list(range(20))


async def test_a_value_is_set_only_if_it_is_as_expected(store: Any) -> None:
    await store.create(id="a", open=False)
    one = store.atomic("a")
    assert await one.set_if("state", "new")
    assert not await one.set_if("state", "new", ABSENT)
    assert not await one.set_if("state", "paid", expected="open")
    won = await asyncio.gather(*(one.set_if("state", n, expected="new") for n in range(10)))
    assert sum(won) == 1
    assert (await store.read("a"))["state"] == won.index(True)


async def test_one_of_all_takers_gets_it(store: Any) -> None:
    await store.create(id="a", data={"code": 123}, open=False)

    async def take() -> Any:
        try:
            return await store.atomic("a").take("code")
        except KeyError:
            return None

    assert sorted(await asyncio.gather(*(take() for _ in range(8))), key=str) == [123] + [None] * 7
    assert await store.read("a") == {}


async def test_a_change_counts_as_activity(store: Any, world: World) -> None:
    await store.create(id="a", timeout=100, open=False)
    world.age(":a", 90)
    await store.atomic("a").add("n")
    world.age(":a", 90)
    assert await store.read("a") == {"n": 1}


async def test_it_fails_while_somebody_has_the_session_open(store: Any) -> None:
    session = await store.create(id="a", data={"n": 1})
    with pytest.raises(SessionInUse):
        await store.atomic("a").add("n")
    assert not await store.atomic("a").set_if("n", 5, expected=2)  # nothing to do is no conflict
    await session.close()
    assert await store.read("a") == {"n": 1}


async def test_it_waits_in_line_for_the_holder_if_asked_to(store: Any, world: World) -> None:
    session = await store.create(id="a", data={"n": 1})
    adding = asyncio.create_task(store.atomic("a", when_open="wait", wait=20).add("n"))
    await until(lambda: world.waiting(":a") == 1, "it is in the line")
    session["n"] = 10
    await session.close()
    assert await adding == 11
    assert (await store.read("a")).info.holder is None
    session = await store.open("a")
    with pytest.raises(SessionInUse):
        await store.atomic("a", when_open="wait", wait=0).add("n")


async def test_it_applies_beside_the_holder_if_asked_to(store: Any) -> None:
    session = await store.create(id="a", data={"n": 1, "m": 1, "mine": 1})
    beside = store.atomic("a", when_open="apply")
    assert await beside.add("n") == 2
    assert await beside.add("m") == 2
    session["mine"] = 2
    session["m"] = 7  # what the holder saves wins
    await session.close()
    assert await store.read("a") == {"n": 2, "m": 7, "mine": 2}


async def test_what_is_no_number_or_no_list_is_refused_and_nothing_changes(store: Any) -> None:
    await store.create(id="a", data={"t": "text", "yes": True}, open=False)
    one = store.atomic("a")
    for call in (
        lambda: one.add("t"), lambda: one.add("yes"), lambda: one.add("n", "1"),
        lambda: one.append("t", 1), lambda: one.set_if("o", object()),
    ):  # fmt: skip
        with pytest.raises(TypeRefused):
            await call()
    assert await store.read("a") == {"t": "text", "yes": True}
    session = await store.open("a")
    waiting = store.atomic("a", when_open="wait", wait=20)
    refused = asyncio.create_task(waiting.add("t"))
    await session.close()
    with pytest.raises(TypeRefused):
        await refused
    assert (await store.read("a")).info.holder is None


async def test_limits_and_ends_hold_here_too(store: Any) -> None:
    await store.create(id="a", open=False)
    await store.configure(max_bytes=100)
    with pytest.raises(ValueTooLarge):
        await store.atomic("a").append("l", "x" * 200)
    await store.delete("a")
    with pytest.raises(SessionEnded):
        await store.atomic("a").add("n")
    with pytest.raises(SessionNotFound):
        await store.atomic("b").add("n")
    with pytest.raises(SessionNotFound):
        await store.as_user("bob").atomic("a", owner="ann").add("n")
    with pytest.raises(ConfigError, match="when_open"):
        store.atomic("a", when_open="never")
