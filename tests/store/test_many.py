"""Thousands of attributes, names and sessions are as good as a few; what is unbounded is refused.

A script can unpack some 8,000 values at once and no more, so everything here is above that.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from sessionstore import ConfigError, Conflict, SessionInUse
from tests.support.worlds import World

MANY = 10_000
NAMES = [f"name {number}" for number in range(MANY)]


async def made(store: Any, **more: Any) -> Any:
    await store.configure(max_bytes=None)
    return await store.create(id="a", owner="ann", data=dict.fromkeys(NAMES, 1), **more)


async def test_thousands_of_attributes_are_made_changed_moved_and_removed(
    store: Any, world: World
) -> None:
    session = await made(store)
    await session.close()
    session = await store.open("a", owner="ann")
    session.update(dict.fromkeys(NAMES, 2))
    await session.save()
    for name in NAMES[10:]:
        del session[name]
    session["new"] = 1
    await session.close(id="b", owner="bob")
    assert len(await store.read("b", "bob")) == 11
    world.size("bob:b")
    await store.delete("b", "bob")


@pytest.mark.parametrize("mode", ["exclusive", "read", "shared"])
async def test_thousands_of_names_are_asked_for(store: Any, mode: str) -> None:
    await made(store, open=False)
    session = await store.open("a", "ann", mode=mode, fields=(name for name in [*NAMES[1:], "no"]))
    assert len(session) == MANY - 1
    assert "no" not in session
    with pytest.raises(KeyError, match="not asked for"):
        session[NAMES[0]]
    await session.close()
    if mode == "exclusive":
        with pytest.raises(ConfigError, match="10000"):
            await store.open("a", "ann", fields=["no", "nor", *NAMES])
    await (await store.open("a", "ann", wait=0)).close()


async def test_thousands_of_attributes_are_merged(store: Any) -> None:
    await made(store, open=False)
    one, other = [await store.open("a", "ann", mode="shared") for _ in range(2)]
    for session in (one, other):
        session.update(dict.fromkeys(NAMES[:5000], 2))
        for name in NAMES[5000:]:
            del session[name]
    await one.close()
    with pytest.raises(Conflict) as caught:
        await other.close()
    assert len(caught.value.fields) == MANY
    assert await store.atomic("a", "ann").add(NAMES[0]) == 3
    assert len(await store.read("a", "ann")) == 5000


async def test_a_mapping_of_thousands_is_gone_through_once(store: Any) -> None:
    session = await made(store)
    session.update({f"with an end {number}": number for number in range(1000)})
    for number in range(1000):
        session.set(f"with an end {number}", number, lifetime=100)
    begun = time.process_time()
    assert len(session) == len(list(session)) == MANY + 1000
    assert all(name in session for name in NAMES)
    assert not any(session.get(f"no {name}") for name in NAMES)
    assert [session.setdefault(name, 5) for name in NAMES] == [1] * MANY
    assert len([session.popitem() for _ in range(6000)]) == 6000
    session["x"] = 1
    assert len({session.popitem()[0] for _ in range(5001)}) == 5001
    with pytest.raises(KeyError):
        session.popitem()
    session.update(dict.fromkeys(NAMES, 2))
    session.clear()
    assert not session
    assert time.process_time() - begun < 5  # with a walk for each it would be a minute
    await session.close()
    assert dict(await store.read("a", "ann")) == {}


async def test_clear_and_popitem_are_for_who_may_write(store: Any) -> None:
    await store.create(id="a", data={"n": 1}, open=False)
    async with store.open("a", mode="read") as session:
        for call in (session.clear, session.popitem):
            with pytest.raises(Exception, match="only for reading"):
                call()
        assert dict(session) == {"n": 1}


async def test_an_owner_with_many_sessions_is_counted_listed_and_signed_out(store: Any) -> None:
    for _ in range(1100):
        await store.create(owner="ann", open=False)
    held = await store.create(id="held", owner="ann")
    assert await store.count("ann") == 1101
    assert len([info async for info in store.list("ann", pattern="*")]) == 1101
    assert await store.end_all("ann", keep="held") == 1100
    assert await store.end_all("ann") == 1
    with pytest.raises(SessionInUse):
        await store.open("held", "ann", wait=0)
    await held.close()
    assert await store.count("ann") == 0


async def test_a_long_list_is_gone_through_in_pages(store: Any, world: World) -> None:
    await store.configure(max_bytes=None)
    session = await store.create(id="a")
    numbers = session.list("numbers")
    assert await numbers.append(*range(MANY)) == MANY
    assert await numbers.page(-MANY, 3 * MANY) == list(range(MANY))
    assert await numbers.insert(5, *range(1000)) == MANY + 1000
    assert await numbers.remove(5, 1005) == 1000
    assert await numbers.append(*range(MANY), cap=MANY + 10) == MANY + 10
    assert await numbers.page(0, 11) == [*range(MANY - 10, MANY), 0]
    world.size(session)
    await session.close(owner="bob")
    async with store.open("a", owner="bob") as session:
        await session.list("numbers").sort(reverse=True)
        assert await session.list("numbers").page(0, 3) == [9999, 9999, 9998]
        assert await session.list("numbers").remove(0) == MANY + 10
