"""What cannot be decoded is told with session and attribute, or set aside; it is never lost."""

from __future__ import annotations

from typing import Any

import pytest

from sessionstore import (
    AsyncSessionStore,
    ConfigError,
    SessionStore,
    StoreUnavailable,
    UndecodableValue,
)
from tests.support.steps import before
from tests.support.worlds import World
from tests.unit.data.classes import Node

BAD = b"\x81\xa4cart"


async def broken(store: Any, world: World) -> None:
    """A session of which the attribute `cart` cannot be decoded."""
    await store.create(id="a", data={"n": 1, "cart": {}}, open=False)
    world.raw.hset(world.home(":a").session, ".cart", BAD)


def setting_aside(store: Any) -> Any:
    store._calls.undecodable = "set aside"
    return store


async def test_it_is_an_error_that_names_session_and_attribute(store: Any, world: World) -> None:
    await broken(store, world)
    session = await store.open("a")
    for found in (session, await store.read("a")):
        with pytest.raises(UndecodableValue, match="cart in session 'a'") as caught:
            found["cart"]
        assert (caught.value.id, caught.value.path) == ("a", "cart")
        assert "cart" in found
        assert found["n"] == 1
        assert found.set_aside == ()
    session["n"] = 2
    await session.close()
    assert world.fields(":a")[".cart"] == BAD
    async with store.open("a") as session:
        session["cart"] = "new"  # knowingly: the error was there to be seen
    assert dict(await store.read("a")) == {"n": 2, "cart": "new"}


@pytest.mark.parametrize(
    "bad", [b"", b"\xc1", b"\xc1123", b"\xc1not a time at all", b"\xc1" + b"9" * 40]
)
async def test_bytes_that_look_like_an_end_are_told_like_any_others(
    store: Any, world: World, bad: bytes
) -> None:
    session = await store.create(id="a", data={"n": 1, "cart": {}})
    session.set("code", 1, lifetime=60)
    await session.close()
    world.raw.hset(world.home(":a").session, ".cart", bad)
    for fields in (None, ["n", "cart"]):
        async with store.open("a", wait=0, fields=fields) as session:
            with pytest.raises(UndecodableValue, match="cart in session 'a'"):
                session["cart"]
            assert session["n"] == 1


async def test_an_open_that_cannot_read_all_it_needs_holds_nothing(store: Any) -> None:
    await store.create(id="a", data={"n": 1, "node": Node(Node())}, open=False)

    def away(_: int) -> None:
        raise StoreUnavailable("it is away")

    with before(store, "read", away), pytest.raises(StoreUnavailable):
        await store.open("a", fields=["node"])
    async with store.open("a", wait=0, fields=["node"]) as session:
        assert isinstance(session["node"].label, Node)


async def test_the_object_that_an_attribute_refers_to_may_be_what_is_damaged(
    store: Any, world: World
) -> None:
    await store.create(id="a", data={"n": 1, "node": Node(Node())}, open=False)
    before = world.fields(":a")
    ids = [name for name in before if name[0] == "@" and len(name) == 9]
    field = next(name for name in ids if name[1:].encode() not in before[".node"])
    world.raw.hset(world.home(":a").session, field, b"\xc1")
    with pytest.raises(UndecodableValue, match="node in session 'a'"):
        (await store.read("a"))["node"]
    async with setting_aside(store).open("a") as session:
        assert dict(session) == {"n": 1}
        session["n"] = Node("new")
    fields = world.fields(":a")
    assert fields[field] == b"\xc1"
    assert len([name for name in fields if name[0] == "@" and len(name) == 9]) == 3


async def test_what_is_set_aside_seems_not_to_be_there_and_stays(store: Any, world: World) -> None:
    await broken(store, world)
    before = world.fields(":a")
    session = await setting_aside(store).open("a")
    for found in (session, await store.read("a")):
        assert dict(found) == {"n": 1}
        assert len(found) == 1
        assert "cart" not in found
        assert found.get("cart") is None
        with pytest.raises(KeyError):
            found["cart"]
        assert found.set_aside == ("cart",)
    with pytest.raises(KeyError):
        del session["cart"]
    with world.wire(store) as sent:
        await session.close()
    assert not [word for word in sent[0].args if isinstance(word, bytes)]
    assert world.fields(":a")[".cart"] == before[".cart"]


@pytest.mark.parametrize("looked", [False, True])
async def test_a_new_value_under_its_name_does_not_destroy_it(
    store: Any, world: World, looked: bool
) -> None:
    await broken(store, world)
    session = await setting_aside(store).open("a")
    if looked:
        assert "cart" not in session
    session["cart"] = ["tea"]
    assert session["cart"] == ["tea"]
    await session.save()
    session["cart"].append("milk")
    await session.close()
    kept = [raw for name, raw in world.fields(":a").items() if name.startswith("@!")]
    assert kept == [BAD]
    async with store.open("a") as session:
        assert dict(session) == {"n": 1, "cart": ["tea", "milk"]}
        assert session.set_aside == ("cart",)
        del session["cart"]
    snapshot = await store.read("a")
    assert dict(snapshot) == {"n": 1}
    assert snapshot.set_aside == ("cart",)
    assert [raw for name, raw in world.fields(":a").items() if name.startswith("@!")] == [BAD]


async def test_a_new_value_that_is_taken_back_leaves_it_where_it_is(
    store: Any, world: World
) -> None:
    await broken(store, world)
    async with setting_aside(store).open("a") as session:
        session["cart"] = 1
        del session["cart"]
        assert "cart" not in session
    assert world.fields(":a")[".cart"] == BAD


async def test_what_is_set_aside_again_is_kept_beside_the_first(store: Any, world: World) -> None:
    setting_aside(store)
    for _ in range(2):
        if await store.count():
            world.raw.hset(world.home(":a").session, ".cart", BAD)
        else:
            await broken(store, world)
        async with store.open("a") as session:
            session["cart"] = 1
    kept = [raw for name, raw in world.fields(":a").items() if name.startswith("@!")]
    assert kept == [BAD, BAD]
    assert (await store.read("a")).set_aside == ("cart",)


async def test_it_moves_with_its_session(store: Any, world: World) -> None:
    await broken(store, world)
    session = await setting_aside(store).open("a")
    session["cart"] = 1
    await session.close(owner="bob")
    assert (await store.read("a", owner="bob")).set_aside == ("cart",)


async def test_clearing_a_session_leaves_what_is_set_aside(store: Any, world: World) -> None:
    await broken(store, world)
    async with setting_aside(store).open("a") as session:
        session.clear()
    assert world.fields(":a")[".cart"] == BAD


async def test_it_is_a_setting_of_the_connection_and_of_its_views(world: World) -> None:
    if world.place is None:
        pytest.skip("a store without a server is not connected to")
    store = await world.connect(undecodable="set aside")
    await broken(store, world)
    assert dict(await store.read("a")) == {"n": 1}
    view = store.as_user("alice", privileged=True)
    assert dict(await view.read("a", owner="")) == {"n": 1}


@pytest.mark.parametrize("value", ["ignore", None, True])
def test_another_setting_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="error, set aside"):
        SessionStore.connect("redis://127.0.0.1:1", undecodable=value)
    assert AsyncSessionStore.connect.__doc__ == SessionStore.connect.__doc__
