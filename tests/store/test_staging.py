"""Large values are written in pieces where nobody sees them, and what comes to nothing goes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from lxml import etree

from sessionstore import (
    LeaseLost,
    QuotaExceeded,
    SessionExists,
    StoreUnavailable,
    ValueTooLarge,
)
from sessionstore._core.operation import Operation
from tests.support.steps import before
from tests.support.worlds import World, run_until

MIB = 1 << 20
WHOLE = random.Random(1).randbytes(MIB) * 3
ITEMS = [f"{number:6}" * 20 for number in range(1200)]


def tree(size: int = 3 * MIB) -> Any:
    root = etree.Element("a")
    root.text = "x" * size
    return etree.ElementTree(root)


def values(world: World) -> list[str]:
    """The keys of all that is kept beside sessions, or is about to be."""
    return [key for key in world.names() if "}v:" in key]


def scripts(sent: list[Operation[Any]]) -> list[str]:
    return [operation.script.name for operation in sent]


async def put_text(session: Any) -> None:
    await session.longstring("t").replace(WHOLE)


async def put_items(session: Any) -> None:
    await session.list("l").replace(ITEMS * 30)


async def put_document(session: Any) -> None:
    session.put_document("x", tree())
    await session.save()


async def append_text(session: Any) -> None:
    await session.longstring("t").append(WHOLE)


async def write_text(session: Any) -> None:
    await session.longstring("t").write(MIB, WHOLE)


async def append_items(session: Any) -> None:
    await session.list("l").append(*ITEMS * 30)


async def insert_items(session: Any) -> None:
    await session.list("l").insert(0, *ITEMS[:400] * 2)


Put = Callable[[Any], Awaitable[None]]
PUTS: list[Put] = [put_text, put_items, put_document]
puts = pytest.mark.parametrize("put", PUTS, ids=lambda put: put.__name__)


async def made(store: Any, max_bytes: int | None = 16 * MIB) -> Any:
    await store.configure(max_bytes=max_bytes)
    session = await store.create(id="a", owner="ann", data={"n": 1})
    for name in ("t", "l", "x"):
        await session.longstring(name).append("old")
    return session


@pytest.mark.parametrize(
    "put",
    [*PUTS, append_text, write_text, append_items, insert_items],
    ids=lambda put: put.__name__,
)
async def test_what_is_too_much_is_refused_before_any_of_it_is_written(
    store: Any, world: World, put: Put
) -> None:
    session = await made(store, 60_000)
    await session.longstring("t").append("some")
    await session.list("l").append("some")
    size, fields, there = world.size(session), world.fields(session), values(world)
    with world.wire(store) as sent:
        for _ in range(3):
            with pytest.raises(ValueTooLarge) as caught:
                await put(session)
            assert caught.value.limit == 60_000
            assert caught.value.size > 90_000
            session.drop_document("x")
    assert set(scripts(sent)) <= {"reserve", "change_text", "change_list", "read_beside"}
    assert values(world) == there
    assert world.fields(session) == fields
    assert world.size(session) == size


async def test_a_session_with_500_values_takes_no_large_one_more(store: Any, world: World) -> None:
    session = await made(store)
    for number in range(497):
        await session.longstring(f"{number}").append("")
    there = values(world)
    for put in (put_items, put_document):
        with pytest.raises(QuotaExceeded, match="kept"):
            await put(session)
    assert values(world) == there
    await put_text(session)  # in place of another


@puts
async def test_a_small_value_is_replaced_in_one_call_and_a_large_one_in_pieces(
    store: Any, world: World, put: Put
) -> None:
    session = await made(store)
    with world.wire(store) as sent:
        await session.longstring("t").replace("small")
        await session.list("l").replace([1, 2])
    assert scripts(sent) == ["change_text", "change_list"]
    with world.wire(store) as sent:
        await put(session)
    names = scripts(sent)
    assert (names[0], set(names[1:-1]), names[-1]) == ("reserve", {"stage"}, "save")
    assert len(names) > 4
    assert all(sum(map(len, map(bytes, _parts(at)))) < 2 * MIB for at in sent)
    world.size(session)
    assert "v" not in world.fields(session)


def _parts(operation: Operation[Any]) -> list[bytes]:
    return [word for word in operation.args if isinstance(word, bytes)]


class Stopped(BaseException):
    """What ends a call in its midst, as a cancellation does."""


def stopping(error: BaseException, call: int = 3) -> Callable[[int], None]:
    """Break off at one of the calls."""

    def act(number: int) -> None:
        if number == call:
            raise error

    return act


@puts
@pytest.mark.parametrize(("script", "number"), [("stage", 1), ("stage", 3), ("save", 1)])
async def test_a_call_that_is_cancelled_leaves_nothing(
    store: Any, world: World, put: Put, script: str, number: int
) -> None:
    session = await made(store, None)
    there, size = values(world), world.size(session)
    with before(store, script, stopping(Stopped(), number)), pytest.raises(Stopped):
        await put(session)
    assert values(world) == there
    assert world.size(session) == size


async def test_a_task_that_is_cancelled_at_any_moment_leaves_nothing(
    store: Any, world: World
) -> None:
    if world.shell != "async":
        pytest.skip("only tasks are cancelled")
    session = await made(store, None)
    there, cancelled = values(world), 0
    begun = asyncio.get_running_loop().time()
    await put_text(session)
    took = asyncio.get_running_loop().time() - begun
    for part in range(20):
        try:
            async with asyncio.timeout(took * part / 20):
                await session.longstring("l").replace(WHOLE)
        except TimeoutError:
            cancelled += 1
            assert len(values(world)) == len(there)
            world.size(session)
    assert cancelled
    await put_text(session)
    assert len(values(world)) == len(there)


@puts
async def test_a_caller_that_dies_leaves_one_call_for_half_a_minute_at_most(
    store: Any, world: World, put: Put
) -> None:
    session = await made(store, None)
    there = values(world)
    for _ in range(4):
        away = stopping(StoreUnavailable("it is away"))
        with before(store, "stage", away), pytest.raises(StoreUnavailable):
            await put(session)
        left = [key for key in values(world) if key not in there]
        assert len(left) == 1
        assert 0 < world.raw.pttl(left[0]) <= 30_000
    await put(session)
    assert len([key for key in values(world) if key not in there]) <= 1
    assert await session.longstring("l").read() == b"old"
    world.size(session)


@puts
async def test_a_holder_that_is_cut_off_stops_writing_and_the_next_one_clears_up(
    store: Any, world: World, put: Put
) -> None:
    session = await made(store)
    calls: list[int] = []

    def cut(number: int) -> None:
        calls.append(number)
        if number == 2:
            world.lapse(session)

    with before(store, "stage", cut), pytest.raises(LeaseLost):
        await put(session)
    assert calls == [1, 2]
    assert len(values(world)) == 3
    async with store.open("a", owner="ann") as after:
        await put(after)
        world.size(after)


@puts
async def test_what_vanishes_before_it_is_named_is_not_named(
    store: Any, world: World, put: Put
) -> None:
    session = await made(store)
    fields = world.fields(session)

    def lose(_: int) -> None:
        ids = world.fields(session)["v"].decode().split()
        world.raw.unlink(*(world.home(session).value(id) for id in ids))

    with before(store, "save", lose), pytest.raises(StoreUnavailable, match="repeat") as caught:
        await put(session)
    assert not caught.value.unknown
    after = {name: raw for name, raw in world.fields(session).items() if name != "v"}
    assert after == fields
    await put(session)
    world.size(session)


@puts
async def test_a_save_that_is_refused_all_the_same_takes_what_was_written_with_it(
    store: Any, world: World, put: Put
) -> None:
    session = await made(store)
    there = values(world)

    def lower(_: int) -> None:
        world.raw.hset(world.home(session).bucket.parameters, "max_bytes", 1000)

    with before(store, "save", lower), pytest.raises(ValueTooLarge):
        await put(session)
    assert values(world) == there
    world.size(session)


async def test_pieces_that_come_again_later_change_nothing(store: Any, world: World) -> None:
    session = await made(store)
    with world.wire(store) as sent:
        for put in PUTS:
            await put(session)
    again = [at for at in sent if at.script.name in ("reserve", "stage")]
    await session.longstring("t").write(0, "changed")
    await session.list("l").remove(0, 35_500)
    fields, driver = world.fields(session), world.driver()
    for at in again:
        driver.do(Operation(at.script, at.keys, at.args, lambda reply: reply))
    assert {**world.fields(session), "v": b""} == {**fields, "v": b""}
    world.size(session)
    await put_text(session)
    world.size(session)
    assert await session.list("l").count() == 500
    assert (await session.document("x")).getroot().text == "x" * 3 * MIB


# Moves, which copy all that is kept to another bucket.


@pytest.mark.parametrize("to", [{"id": "taken"}, {"owner": "bob"}], ids=str)
async def test_a_move_that_is_refused_leaves_no_copy(store: Any, world: World, to: Any) -> None:
    await store.create(id="taken", owner="ann", open=False)
    await store.create(id="other", owner="bob", open=False)
    session = await made(store)
    await put_text(session)
    there, size = values(world), world.size(session)
    await store.configure(max_per_owner=1)
    with world.wire(store) as sent, pytest.raises((SessionExists, QuotaExceeded)):
        await session.close(**to)
    assert ("stage" in scripts(sent)) is ("owner" in to)
    assert values(world) == there
    assert world.size(session) == size
    await store.configure(max_per_owner=None)
    await session.close(id="b", owner="carol")
    async with store.open("b", owner="carol") as moved:
        assert await moved.longstring("t").read() == WHOLE
        world.size(moved)


async def test_a_mover_that_dies_leaves_a_copy_for_half_a_minute_at_most(
    store: Any, world: World
) -> None:
    session = await made(store)
    await put_text(session)
    there = values(world)
    flow = session._closing("b", "bob", None)
    assert run_until(world.driver(), flow, 7)
    flow.throw(away := StoreUnavailable("it is away"))
    with pytest.raises(StoreUnavailable):
        flow.throw(away)
    left = [key for key in values(world) if key not in there]
    assert left
    assert all(0 < world.raw.pttl(key) <= 30_000 for key in left)


async def test_a_move_does_not_name_what_was_lost_on_the_way(store: Any, world: World) -> None:
    session = await made(store)
    await put_text(session)
    size, tag = world.size(session), world.keys.named("b", "bob").bucket.tag

    def lose(_: int) -> None:
        world.raw.unlink(*(key for key in world.names() if key.startswith(f"{tag}r:")))

    with before(store, "arrive", lose), pytest.raises(StoreUnavailable, match="repeat"):
        await session.close(id="b", owner="bob")
    assert world.size(session) == size
    await session.close(id="b", owner="bob")
    async with store.open("b", owner="bob") as moved:
        assert await moved.longstring("t").read() == WHOLE


async def test_a_put_that_breaks_off_while_an_earlier_one_is_settled_leaves_nothing(
    store: Any, world: World
) -> None:
    session = await made(store, None)
    there = values(world)
    with before(store, "save", stopping(Stopped(), 1)), pytest.raises(Stopped):
        await session.longstring("l").replace(WHOLE)
    with before(store, "save", stopping(Stopped(), 1)), pytest.raises(Stopped):
        await session.longstring("l").replace(WHOLE)
    assert values(world) == there
    await put_text(session)
    assert len(values(world)) == len(there)
