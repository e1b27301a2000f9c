"""Only what changed is written, and what did not change is not even sent."""

from __future__ import annotations

from typing import Any

import pytest

from sessionstore import ConfigError, ValueTooLarge
from sessionstore._core.operation import Operation
from tests.support.worlds import World

DATA = {"n": 1, "text": "tea", "list": [1, [2]], "dict": {"k": {"deep": 1}}, "set": {1, 2}}


def named(sent: list[Operation[Any]]) -> set[str]:
    """The attributes that operations name."""
    words = [word for operation in sent for word in operation.args if isinstance(word, bytes)]
    return {word[1:].decode() for word in words if word.startswith(b".")}


async def opened(store: Any) -> Any:
    await store.create(id="a", data=DATA, open=False)
    return await store.open("a")


async def test_looking_at_everything_changes_nothing(store: Any, world: World) -> None:
    session = await opened(store)
    assert dict(session) == DATA
    assert "n" in session
    with world.wire(store) as sent:
        await session.close()
    assert len(sent) == 1
    assert not named(sent)
    assert not [word for word in sent[0].args if isinstance(word, bytes)]


async def test_a_changed_attribute_is_the_only_one_sent(store: Any, world: World) -> None:
    session = await opened(store)
    session["n"] = 2
    session["text"] = "tea"
    with world.wire(store) as sent:
        await session.close()
    assert named(sent) == {"n"}
    assert dict(await store.read("a")) == DATA | {"n": 2}


async def test_nested_changes_are_seen(store: Any, world: World) -> None:
    session = await opened(store)
    session["list"][1].append(3)
    session["dict"]["k"]["deep"] = 2
    session["set"].add(3)
    with world.wire(store) as sent:
        await session.save()
    assert named(sent) == {"list", "dict", "set"}
    session["list"].append(4)
    with world.wire(store) as sent:
        await session.save()
    assert named(sent) == {"list"}
    with world.wire(store) as sent:
        await session.close()
    assert not named(sent)
    assert (await store.read("a"))["list"] == [1, [2, 3], 4]
    assert (await store.read("a"))["set"] == {1, 2, 3}


async def test_a_change_taken_back_is_no_change(store: Any, world: World) -> None:
    session = await opened(store)
    session["list"].append(5)
    session["list"].pop()
    session["new"] = 1
    del session["new"]
    del session["n"]
    session["n"] = 1
    with world.wire(store) as sent:
        await session.close()
    assert not named(sent)
    assert dict(await store.read("a")) == DATA


async def test_what_is_removed_is_gone(store: Any, world: World) -> None:
    session = await opened(store)
    del session["n"]
    assert "n" not in session
    assert len(session) == len(DATA) - 1
    with pytest.raises(KeyError):
        session["n"]
    with pytest.raises(KeyError):
        del session["n"]
    await session.save()
    assert ".n" not in world.fields(":a")
    session["n"] = 5
    assert session.pop("text") == "tea"
    session.setdefault("more", []).append(1)
    await session.close()
    found = dict(await store.read("a"))
    assert (found["n"], found["more"], "text" in found) == (5, [1], False)


async def test_a_value_that_is_changed_after_it_was_assigned_is_saved_as_it_is(store: Any) -> None:
    session = await opened(store)
    cart: list[str] = []
    session["cart"] = cart
    cart.append("tea")
    await session.save()
    cart.append("milk")
    await session.close()
    assert (await store.read("a"))["cart"] == ["tea", "milk"]


async def test_clear_and_update_work_as_in_any_mapping(store: Any) -> None:
    session = await opened(store)
    session.clear()
    assert (dict(session), len(session)) == ({}, 0)
    session.update(a=1, b=2)
    assert sorted(session) == ["a", "b"]
    await session.close()
    assert dict(await store.read("a")) == {"a": 1, "b": 2}


async def test_fields_loads_only_what_is_asked_for(store: Any, world: World) -> None:
    await store.create(id="a", data=DATA, open=False)
    for mode in ("exclusive", "read", "shared"):
        session = await store.open("a", fields=["n", "absent"], mode=mode)
        assert dict(session) == {"n": 1}
        with pytest.raises(KeyError, match="not asked for"):
            session["text"]
        with pytest.raises(KeyError):
            session["absent"]
        await session.close()


async def test_what_was_not_loaded_survives_a_close(store: Any, world: World) -> None:
    await store.create(id="a", data=DATA, open=False)
    async with store.open("a", fields=["n"]) as session:
        session["n"] = 2
        session["list"] = "written without reading"
        with world.wire(store) as sent:
            await session.close()
    assert named(sent) == {"n", "list"}
    expected = DATA | {"n": 2, "list": "written without reading"}
    assert dict(await store.read("a")) == expected


async def test_no_fields_loads_none(store: Any) -> None:
    session = await opened(store)
    await session.close()
    session = await store.open("a", fields=[])
    assert dict(session) == {}
    assert session.timeout.total_seconds() == 900
    await session.close()


async def test_names_of_attributes_are_any_text(store: Any) -> None:
    names = ["", ".", "h", "f", "a b", "{x}", "häß", "x" * 5000, "1", "\n"]
    async with await store.create(id="a", data=dict.fromkeys(names, 1)) as session:
        for name in names:
            session[name] = [name]
    assert dict(await store.read("a")) == {name: [name] for name in names}
    async with store.open("a", fields=names) as session:
        assert dict(session) == {name: [name] for name in names}


@pytest.mark.parametrize("name", [1, None, b"raw", "\ud800"], ids=repr)
async def test_what_cannot_name_an_attribute_is_refused(store: Any, name: Any) -> None:
    with pytest.raises(ConfigError):
        await store.create(id="a", data={name: 1})
    async with await store.create(id="a") as session:
        with pytest.raises(ConfigError):
            session[name] = 1
    with pytest.raises(ConfigError):
        await store.open("a", fields=[name])


async def test_many_attributes_are_written_and_removed_at_once(store: Any) -> None:
    data = {f"k{number}": number for number in range(3000)}
    async with await store.create(id="a", data=data) as session:
        for number in range(3000):
            session[f"k{number}"] = -number
        session["last"] = 1
    assert (await store.read("a"))["k2999"] == -2999
    async with store.open("a") as session:
        for number in range(3000):
            del session[f"k{number}"]
    assert dict(await store.read("a")) == {"last": 1}


async def test_a_save_that_would_be_too_large_writes_nothing(store: Any, world: World) -> None:
    await store.configure(max_bytes=2000)
    session = await store.create(id="a", data={"n": "x" * 500})
    before = world.fields(":a")
    session["more"] = "y" * 1000
    session["most"] = "z" * 1000
    for call in (session.save, session.close):
        with pytest.raises(ValueTooLarge) as caught:
            await call()
        assert caught.value.limit == 2000
        assert caught.value.size > 2500
        assert world.fields(":a") == before
    del session["most"]
    await session.close()
    with pytest.raises(ValueTooLarge):
        await store.create(id="b", data={"n": "x" * 2001})
    assert await store.count() == 1


async def test_removing_makes_room_and_a_full_session_can_shrink(store: Any) -> None:
    session = await store.create(id="a", data={"x": "x" * 900, "y": "y" * 900})
    await store.configure(max_bytes=1000)
    session["x"] = "x"
    await session.save()
    del session["y"]
    session["z"] = "z" * 900
    await session.close()
    assert set(await store.read("a")) == {"x", "z"}
    for _ in range(3):  # the size is known exactly, however often it changes
        async with store.open("a") as session:
            session["z"] = ""
        async with store.open("a") as session:
            session["z"] = "z" * 900
