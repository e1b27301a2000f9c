"""What a session says that it holds is what it holds, whatever was done and refused."""

from __future__ import annotations

import random
from typing import Any

import pytest
from lxml import etree

from sessionstore import QuotaExceeded, SessionStoreError, ValueTooLarge
from tests.support.wait import until
from tests.support.worlds import World

MIB = 1 << 20
LIMIT = 6000
REFUSALS = (ValueTooLarge, QuotaExceeded, IndexError)


def some(chance: random.Random) -> int:
    """A size that mostly fits, and sometimes does not."""
    return chance.choice((0, 1, 10, 300, 300, 1000, 7000))


async def list_call(session: Any, chance: random.Random) -> None:
    here = session.list(chance.choice("ab"))
    items = [b"x" * (some(chance) // 3) for _ in range(chance.randrange(4))]
    match chance.randrange(8):
        case 0:
            await here.append(*items)
        case 1:
            await here.append(*items, cap=chance.randrange(5))
        case 2:
            await here.insert(chance.randrange(-3, 6), *items)
        case 3:
            await here.set(chance.randrange(-3, 3), b"y" * some(chance))
        case 4:
            await here.remove(chance.randrange(-3, 3), chance.choice((None, 2)))
        case 5:
            await here.replace(items)
        case 6:
            await here.sort()
        case 7:
            await here.drop()


async def text_call(session: Any, chance: random.Random) -> None:
    here = session.longstring(chance.choice("ab"))
    match chance.randrange(5):
        case 0:
            await here.append(b"x" * some(chance))
        case 1:
            await here.write(some(chance), b"y" * some(chance))
        case 2:
            await here.write(600 * MIB, b"z")
        case 3:
            await here.replace(b"z" * some(chance))
        case 4:
            await here.drop()


async def attribute_call(session: Any, chance: random.Random) -> None:
    name = chance.choice("cde")
    match chance.randrange(4):
        case 0:
            session[name] = "x" * some(chance)
        case 1:
            session.set(name, "y" * some(chance), lifetime=chance.choice((0, 100)))
        case 2:
            session.pop(name, None)
        case 3:
            root = etree.Element("a")
            root.text = "x" * some(chance)
            session.put_document(name, etree.ElementTree(root))
    try:
        await session.save()
    except ValueTooLarge:
        session.drop_document(name)
        session.pop(name, None)
        await session.save()


@pytest.mark.parametrize("max_bytes", [LIMIT, None])
async def test_the_size_is_the_truth_after_any_calls(
    store: Any, world: World, max_bytes: int | None
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    await store.configure(max_bytes=max_bytes)
    session, names = await store.create(id="a", owner="ann"), iter(range(1000))
    for _ in range(150):
        call = chance.choice((list_call, text_call, attribute_call))
        try:
            await call(session, chance)
        except REFUSALS:
            if max_bytes is None:
                continue
        if not chance.randrange(15):
            await session.close(id=f"b{next(names)}")
            session = await store.open(session.id, owner="ann")
        size = world.size(session)
        if max_bytes is not None:
            assert size <= max_bytes


async def test_what_a_server_refuses_is_not_counted(store: Any, world: World) -> None:
    if world.kind != "embedded":
        pytest.skip("this sets a parameter of the server")
    await store.configure(max_bytes=None)
    session = await store.create(id="a")
    text = session.longstring("t")
    await text.append(b"x" * 1000)
    (usual,) = world.raw.config_get("proto-max-bulk-len").values()
    world.raw.config_set("proto-max-bulk-len", "1mb")
    try:
        with pytest.raises(SessionStoreError, match="maximum allowed size"):
            await text.write(2 * MIB, b"x")
    finally:
        world.raw.config_set("proto-max-bulk-len", usual)
    assert world.size(session) == 1000 + len(":tt") + 16 + len("1000")
    assert await text.append("x") == 1001


@pytest.mark.parametrize("at", [512 * MIB, 1 << 40, (1 << 53) - 1])
async def test_a_longstring_has_512_mib_at_most(store: Any, world: World, at: int) -> None:
    await store.configure(max_bytes=None)
    session = await store.create(id="a")
    text = session.longstring("t")
    await text.append("x")
    with world.wire(store) as sent, pytest.raises(ValueTooLarge) as caught:
        await text.write(at, "x")
    assert not sent
    assert (caught.value.size, caught.value.limit) == (at + 1, 512 * MIB)
    assert world.size(session) == 1 + len(":tt") + 16 + len("1")


async def test_a_gap_counts_as_what_it_is(store: Any, world: World) -> None:
    session = await store.create(id="a")
    with pytest.raises(ValueTooLarge):
        await session.longstring("t").write(400 * MIB, "x")
    assert not [key for key in world.names() if "}v:" in key]
    assert await session.longstring("t").write(1000, "x") == 1001
    assert world.size(session) == 1001 + len(":tt") + 16 + len("1001")


async def test_a_list_with_a_cap_takes_the_next_item_though_the_session_is_full(
    store: Any, world: World
) -> None:
    await store.configure(max_bytes=1000)
    session = await store.create(id="a")
    last = session.list("l")
    await last.append(*("x" * 90 for _ in range(10)))
    with pytest.raises(ValueTooLarge):
        await last.append("y" * 90)
    assert await last.append("y" * 90, cap=10) == 10
    assert await last.append(*("z" * 90 for _ in range(12)), cap=10) == 10
    assert await last.page() == ["z" * 90] * 10
    assert await last.append(cap=3) == 3
    assert await last.append("a", cap=0) == 0
    world.size(session)


async def test_what_ended_by_itself_does_not_keep_others_out(store: Any, world: World) -> None:
    await store.configure(max_bytes=1000)
    session = await store.create(id="a")
    session.set("code", "x" * 900, lifetime=0.001)
    await session.save()
    saved = world.now()
    await until(lambda: world.now() > saved + 1, "its lifetime is over")
    for call in (session.longstring("t").append, session.list("l").append):
        await call("y" * 400)
    assert world.size(session) < 1000
