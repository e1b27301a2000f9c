"""An attribute with a lifetime of its own is gone when that is over, on servers new and old."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sessionstore import ConfigError, Conflict
from tests.support.wait import until
from tests.support.worlds import World

MINUTE = timedelta(seconds=60)


def over(world: World, session: Any, name: str, by: float = 1) -> None:
    """Let the lifetime of an attribute have ended some milliseconds ago."""
    home = world.home(session).session
    raw = world.fields(session)[f".{name}"]
    assert raw[0] == 0xC1
    ended = world.now() - round(by)
    world.raw.hset(home, f".{name}", b"\xc1%013d%b" % (ended, raw[14:]))
    world.raw.hset(home, "i", ended)


async def made(store: Any, **lifetimes: Any) -> Any:
    session = await store.create(id="a", data={"other": 1})
    for name, lifetime in lifetimes.items():
        session.set(name, [1, 2], lifetime=lifetime)
    await session.close()
    return session


async def test_it_is_there_before_its_end_and_says_how_long(store: Any) -> None:
    await made(store, code=MINUTE)
    async with store.open("a") as session:
        assert session["code"] == [1, 2]
        assert timedelta(seconds=50) < session.lifetime("code") <= MINUTE
        assert session.lifetime("other") is None
        with pytest.raises(KeyError):
            session.lifetime("none")


@pytest.mark.parametrize("how", ["open", "read", "shared", "fields", "visit"])
async def test_it_is_gone_when_it_is_over(store: Any, world: World, how: str) -> None:
    await made(store, code=MINUTE, later=2 * MINUTE)
    over(world, ":a", "code")
    if how == "read":
        found = await store.read("a")
    elif how == "fields":
        found = await store.open("a", fields=["code", "later"])
    else:
        mode = {"open": "exclusive", "visit": "read"}.get(how, how)
        found = await store.open("a", mode=mode)
    assert "code" not in found
    assert "code" not in dict(found)
    with pytest.raises(KeyError):
        found["code"]
    assert found["later"] == [1, 2]


async def test_it_ends_also_while_the_session_is_open(store: Any, world: World) -> None:
    session = await store.create(id="a")
    session.set("code", 1, lifetime=timedelta(milliseconds=60))
    assert session["code"] == 1
    await session.save()

    async def gone() -> bool:
        return "code" not in session

    await until(gone, "its lifetime is over")
    assert dict(session) == {}
    session["n"] = 1
    await session.close()
    assert ".code" not in world.fields(":a")
    assert await store.read("a") == {"n": 1}


async def test_what_is_over_leaves_the_store_and_is_not_counted_any_more(
    store: Any, world: World
) -> None:
    await made(store)
    before = int(world.fields(":a")["b"])
    await (await store.open("a")).close()
    session = await store.open("a")
    session.set("code", "x" * 1000, lifetime=MINUTE)
    await session.close()
    assert int(world.fields(":a")["b"]) > before + 1000
    over(world, ":a", "code")
    await (await store.open("a")).close()
    assert int(world.fields(":a")["b"]) == before
    assert not {".code", "i"} & set(world.fields(":a"))


async def test_the_server_removes_it_by_itself_where_it_can(store: Any, world: World) -> None:
    await made(store, code=timedelta(milliseconds=40), later=MINUTE)
    if world.kind != "embedded":
        pytest.skip("for servers with HPEXPIREAT")
    home = world.home(":a").session
    await until(lambda: not world.raw.hexists(home, ".code"), "it is removed")
    assert world.raw.hexists(home, ".later")
    async with store.open("a") as session:
        assert sorted(session) == ["later", "other"]
    assert "i" in world.fields(":a")
    size = sum(len(k.encode()) + len(v) for k, v in world.fields(":a").items() if k[0] == ".")
    assert int(world.fields(":a")["b"]) == size


async def test_a_plain_assignment_takes_the_lifetime_away(store: Any, world: World) -> None:
    await made(store, code=MINUTE)
    async with store.open("a") as session:
        session["code"] = [1, 2]  # the same value
    assert world.fields(":a")[".code"][0] != 0xC1
    async with store.open("a") as session:
        assert session.lifetime("code") is None
        session.set("code", [1, 2], lifetime=MINUTE)
        assert session.lifetime("code") is not None
    assert world.fields(":a")[".code"][0] == 0xC1


async def test_a_change_in_place_keeps_the_lifetime(store: Any, world: World) -> None:
    await made(store, code=MINUTE)
    stamp = world.fields(":a")[".code"][:14]
    async with store.open("a") as session:
        session["code"].append(3)
    assert world.fields(":a")[".code"][:14] == stamp
    async with store.open("a", mode="shared") as session:
        session["code"].append(4)
        await session.save()
        session["code"].append(5)
    assert world.fields(":a")[".code"][:14] == stamp
    assert await store.atomic("a").append("code", 6) == 6
    assert world.fields(":a")[".code"][:14] == stamp
    assert (await store.read("a"))["code"] == [1, 2, 3, 4, 5, 6]


async def test_looking_at_it_writes_nothing(store: Any, world: World) -> None:
    await made(store, code=MINUTE)
    session = await store.open("a")
    assert session["code"] == [1, 2]
    with world.wire(store) as sent:
        await session.close()
    assert not [word for word in sent[0].args if isinstance(word, bytes)]


async def test_it_goes_along_to_another_id(store: Any, world: World) -> None:
    await made(store, code=MINUTE)
    await (await store.open("a")).close(id="b", owner="bob")
    async with store.open("b", owner="bob") as session:
        assert session.lifetime("code") <= MINUTE
    over(world, "bob:b", "code")
    assert await store.read("b", owner="bob") == {"other": 1}


async def test_one_that_is_over_is_taken_by_nobody(store: Any, world: World) -> None:
    await made(store, code=MINUTE, count=MINUTE)
    over(world, ":a", "code")
    with pytest.raises(KeyError):
        await store.atomic("a").take("code")
    assert await store.atomic("a").set_if("code", 7)
    assert (await store.read("a"))["code"] == 7
    assert await store.atomic("a").take("count") == [1, 2]


async def test_a_lifetime_is_a_duration(store: Any) -> None:
    session = await store.create(id="a")
    with pytest.raises(ConfigError, match="lifetime"):
        session.set("code", 1, lifetime=-1)
    assert "code" not in session
    session.set("now", 1, lifetime=0)
    assert "now" not in session


async def writer_that_saw_it_end(store: Any, **how: Any) -> Any:
    await made(store, code=timedelta(milliseconds=60))
    writer = await store.open("a", mode="shared", **how)

    async def gone() -> bool:
        return "code" not in writer

    await until(gone, "its lifetime is over")
    return writer


@pytest.mark.parametrize("lifetime", [None, MINUTE], ids=["for good", "for a while"])
@pytest.mark.parametrize("fields", [None, ["code"], ["other"]], ids=str)
async def test_a_shared_writer_may_assign_what_is_over(
    store: Any, lifetime: Any, fields: Any
) -> None:
    first = await writer_that_saw_it_end(store, fields=fields)
    second = await store.open("a", mode="shared")
    for writer, value in ((first, 7), (second, 8)):
        writer.set("code", value, lifetime=lifetime)
    await first.save()
    assert (await store.read("a"))["code"] == 7
    with pytest.raises(Conflict):
        await second.save()


async def test_a_shared_writer_sees_that_another_has_put_anew_what_was_over(store: Any) -> None:
    first = await writer_that_saw_it_end(store)
    async with store.open("a") as holder:
        holder["code"] = 5
    first["code"] = 6
    with pytest.raises(Conflict):
        await first.save()


@pytest.mark.parametrize("mode", ["exclusive", "shared"])
async def test_what_gets_a_lifetime_and_ends_before_the_save_is_gone(store: Any, mode: str) -> None:
    await store.create(id="a", data={"code": 1, "n": 1}, open=False)
    async with store.open("a", mode=mode) as session:
        session.set("code", 2, lifetime=0)
        assert "code" not in session
    assert dict(await store.read("a")) == {"n": 1}


async def test_a_shorter_lifetime_that_ends_before_the_save_counts(store: Any) -> None:
    await made(store, code=MINUTE)
    async with store.open("a") as session:
        session.set("code", 2, lifetime=0)
    assert dict(await store.read("a")) == {"other": 1}
