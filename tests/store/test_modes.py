"""Three ways to open: one holder, readers that block nobody, and writers that share."""

from __future__ import annotations

from typing import Any

import pytest

from sessionstore import (
    ConfigError,
    Conflict,
    SessionEnded,
    SessionInUse,
    SessionNotFound,
    SessionNotOpen,
)
from tests.support.worlds import World


async def test_a_reader_does_not_wait_for_the_holder_nor_hold_it_up(store: Any) -> None:
    holder = await store.create(id="a", data={"n": 1})
    async with store.open("a", mode="read") as reader:
        assert dict(reader) == {"n": 1}
        assert reader.mode == "read"
        holder["n"] = 2
        await holder.save()
        assert reader["n"] == 1
    await holder.close()


async def test_a_reader_cannot_write(store: Any) -> None:
    await store.create(id="a", data={"n": 1, "list": []}, open=False)
    reader = await store.open("a", mode="read")
    with pytest.raises(SessionNotOpen):
        reader["n"] = 2
    with pytest.raises(SessionNotOpen):
        del reader["n"]
    with pytest.raises(SessionNotOpen):
        await reader.save()
    reader["list"].append(1)  # changes only what the reader has
    await reader.close()
    assert dict(await store.read("a")) == {"n": 1, "list": []}


async def test_a_reader_writes_a_touch_once_in_a_while(store: Any, world: World) -> None:
    await store.create(id="a", timeout=100, open=False)
    before = world.fields(":a")
    await store.open("a", mode="read")
    assert world.fields(":a") == before
    world.age(":a", 5)
    before = world.fields(":a")
    await store.open("a", mode="read")
    assert world.fields(":a") == before
    world.age(":a", 50)
    await store.open("a", mode="read")
    assert abs(int(world.fields(":a")["a"]) - world.now()) < 5_000


async def test_a_reader_of_a_held_session_writes_nothing(store: Any, world: World) -> None:
    holder = await store.create(id="a", timeout=1)
    world.raw.hincrby(world.home(":a").session, "a", -5_000)
    before = world.fields(":a")
    await store.open("a", mode="read")
    assert world.fields(":a") == before
    await holder.close()


async def test_shared_writers_of_different_attributes_both_survive(store: Any) -> None:
    await store.create(id="a", data={"x": 0, "y": 0, "z": 0}, open=False)
    first = await store.open("a", mode="shared")
    second = await store.open("a", mode="shared")
    first["x"] = 1
    second["y"] = 1
    second["new"] = 1
    del first["z"]
    await first.close()
    await second.close()
    assert dict(await store.read("a")) == {"x": 1, "y": 1, "new": 1}


async def test_shared_writers_of_one_attribute_conflict_and_it_is_named(store: Any) -> None:
    await store.create(id="a", data={"x": 0, "y": 0}, open=False)
    first = await store.open("a", mode="shared")
    second = await store.open("a", mode="shared")
    first["x"] = 1
    await first.save()
    second["x"] = 2
    second["y"] = 2
    with pytest.raises(Conflict) as caught:
        await second.save()
    assert caught.value.fields == ("x",)
    assert dict(await store.read("a")) == {"x": 1, "y": 0}
    first["x"] = 3
    await first.save()
    assert (await store.read("a"))["x"] == 3


@pytest.mark.parametrize(
    ("mine", "theirs"), [("set", "drop"), ("drop", "set"), ("add", "add"), ("nested", "set")]
)
async def test_every_kind_of_conflict_is_seen(store: Any, mine: str, theirs: str) -> None:
    await store.create(id="a", data={"x": [0]}, open=False)

    def change(session: Any, how: str, value: int) -> str:
        match how:
            case "set":
                session["x"] = [value]
            case "drop":
                del session["x"]
            case "nested":
                session["x"].append(value)
            case "add":
                session["new"] = value
                return "new"
        return "x"

    first = await store.open("a", mode="shared")
    second = await store.open("a", mode="shared")
    change(first, theirs, 1)
    await first.save()
    name = change(second, mine, 2)
    before = dict(await store.read("a"))
    with pytest.raises(Conflict) as caught:
        await second.save()
    assert caught.value.fields == (name,)
    assert dict(await store.read("a")) == before


async def test_the_same_change_by_both_is_a_conflict_too(store: Any) -> None:
    """Else two that add one would lose one."""
    await store.create(id="a", data={"x": 0}, open=False)
    first, second = [await store.open("a", mode="shared") for _ in range(2)]
    for writer in (first, second):
        writer["x"] += 1
    await first.save()
    with pytest.raises(Conflict):
        await second.save()


async def test_a_shared_writer_may_assign_what_it_has_not_read(store: Any) -> None:
    await store.create(id="a", data={"x": 0, "y": 0, "z": 0}, open=False)
    writer = await store.open("a", mode="shared", fields=["x"])
    other = await store.open("a", mode="shared")
    other["y"] = 1
    await other.save()
    writer["y"] = 2
    writer["new"] = 2
    await writer.save()
    assert dict(await store.read("a")) == {"x": 0, "y": 2, "z": 0, "new": 2}
    other["y"] = 3
    with pytest.raises(Conflict) as caught:
        await other.save()
    assert caught.value.fields == ("y",)


async def test_what_a_shared_writer_has_written_it_has_read(store: Any) -> None:
    await store.create(id="a", data={"x": 0, "y": 0}, open=False)
    writer = await store.open("a", mode="shared", fields=["x"])
    writer["y"] = 1
    await writer.save()
    other = await store.open("a", mode="shared")
    other["y"] = 2
    await other.save()
    writer["y"] = 3
    with pytest.raises(Conflict) as caught:
        await writer.save()
    assert caught.value.fields == ("y",)


async def test_what_was_asked_for_and_is_not_there_was_read(store: Any) -> None:
    await store.create(id="a", data={"x": 0}, open=False)
    writer = await store.open("a", mode="shared", fields=["new"])
    other = await store.open("a", mode="shared")
    other["new"] = 1
    await other.save()
    writer["new"] = 2
    with pytest.raises(Conflict):
        await writer.save()


LOOKS = [b"\xd7\x20abcdefgh", b"\xc1" + b"1" * 13, "\u05e0abcdefgh", {"k": b"\xd7\x20abcdefgh"}]


@pytest.mark.parametrize("value", [*LOOKS, (1, b"\xd7\x20abcdefgh"), {b"\xd7\x20abcdefgh"}])
async def test_bytes_that_look_like_a_reference_or_a_lifetime_are_shared_like_any(
    store: Any, value: Any
) -> None:
    await store.create(id="a", data={"x": 0, "old": value}, open=False)
    async with store.open("a", mode="shared") as writer:
        writer["x"] = value
        writer["old"] = 1
    assert dict(await store.read("a")) == {"x": value, "old": 1}


async def test_a_shared_writer_is_refused_while_somebody_holds_it(store: Any) -> None:
    await store.create(id="a", data={"x": 0}, open=False)
    shared = await store.open("a", mode="shared")
    holder = await store.open("a")
    shared["x"] = 1
    with pytest.raises(SessionInUse) as caught:
        await shared.save()
    assert caught.value.holder == store.label
    await holder.close()
    await shared.save()
    assert (await store.read("a"))["x"] == 1


async def test_a_shared_writer_holds_up_nobody(store: Any) -> None:
    await store.create(id="a", open=False)
    async with store.open("a", mode="shared"), store.open("a", wait=0) as holder:
        assert holder.is_open


async def test_a_shared_writer_that_changed_nothing_sends_nothing(store: Any, world: World) -> None:
    await store.create(id="a", data={"x": [1]}, open=False)
    shared = await store.open("a", mode="shared")
    assert shared["x"] == [1]
    with world.wire(store) as sent:
        await shared.close()
    assert not sent


async def test_a_shared_writer_does_not_write_into_a_new_session_of_the_name(
    store: Any, world: World
) -> None:
    for _ in range(20):  # some of them within one millisecond
        await store.create(id="a", data={"x": 0}, open=False)
        shared = await store.open("a", mode="shared")
        await store.delete("a")
        await store.create(id="a", data={"x": 0}, open=False)
        shared["x"] = 1
        with pytest.raises(SessionEnded):
            await shared.save()
        assert (await store.read("a"))["x"] == 0
        await store.delete("a")


async def test_a_shared_writer_is_told_that_it_ended(store: Any) -> None:
    await store.create(id="a", data={"x": 0}, open=False)
    shared = await store.open("a", mode="shared")
    await store.delete("a")
    shared["x"] = 1
    with pytest.raises(SessionEnded, match="deleted"):
        await shared.close()
    assert await store.count() == 0


async def test_shared_writing_is_activity(store: Any, world: World) -> None:
    await store.create(id="a", open=False)
    world.age(":a", 100)
    async with store.open("a", mode="shared") as shared:
        shared["x"] = 1
    assert abs(int(world.fields(":a")["a"]) - world.now()) < 5_000


async def test_only_the_holder_gives_another_id_owner_or_timeout(store: Any) -> None:
    await store.create(id="a", open=False)
    for mode in ("shared", "read"):
        session = await store.open("a", mode=mode)
        for change in ({"id": "b"}, {"owner": "bob"}, {"timeout": 5}):
            with pytest.raises(SessionNotOpen):
                await session.close(**change)


@pytest.mark.parametrize("mode", ["exclusive", "read", "shared"])
async def test_every_mode_says_what_is_not_there(store: Any, mode: str) -> None:
    with pytest.raises(SessionNotFound):
        await store.open("a", mode=mode)
    await (await store.create(id="a")).delete()
    with pytest.raises(SessionEnded, match="deleted"):
        await store.open("a", mode=mode)


async def test_an_unknown_mode_is_refused(store: Any) -> None:
    with pytest.raises(ConfigError, match="exclusive, read, shared"):
        await store.open("a", mode="write")
