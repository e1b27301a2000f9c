"""What is changed while a save or a close is under way is not lost, and never taken for saved."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from sessionstore import SessionEnded, SessionNotOpen, TimedOut
from tests.support.steps import answers_lost, around, is_saving, nothing_arrives, under_way
from tests.support.worlds import World
from tests.unit.data.classes import Cart

CHANGES: dict[str, Callable[[Any], None]] = {
    "assigned anew": lambda session: session.update(n=2),
    "assigned first": lambda session: session.update(new=1),
    "assigned as it was": lambda session: session.update(text="tea"),
    "deleted": lambda session: session.pop("text"),
    "deleted that was being saved first": lambda session: session.pop("first"),
    "changed in place": lambda session: session["list"].append(2),
    "deleted and assigned": lambda session: (session.pop("n"), session.update(n=[1])),
    "an object": lambda session: setattr(session["cart"], "note", "later"),
    "another object": lambda session: session.update(other=Cart([], note="new")),
    "given a lifetime": lambda session: session.set("n", 1, lifetime=timedelta(hours=1)),
    "freed of its lifetime": lambda session: session.update(code=1),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_changed_while_a_save_was_under_way_is_saved_by_the_next(
    store: Any, world: World, change: str
) -> None:
    session = await store.create(
        id="a", data={"n": 1, "text": "tea", "list": [1], "cart": Cart([]), "x": 0}
    )
    session.set("code", 1, lifetime=timedelta(hours=1))
    await session.save()
    session["first"] = 1
    session["text"] = "milk"
    with under_way(store, lambda: CHANGES[change](session)):
        await session.save()
    expected, lifetimes = dict(session), {name: session.lifetime(name) is None for name in session}
    await session.close()
    async with store.open("a") as again:
        assert dict(again) == expected
        assert {name: again.lifetime(name) is None for name in again} == lifetimes


async def test_what_changed_while_a_shared_save_was_under_way_is_saved_by_the_next(
    store: Any, world: World
) -> None:
    await store.create(id="a", data={"n": 1, "list": [1]}, open=False)
    session = await store.open("a", mode="shared")
    session["n"] = 2

    def meanwhile() -> None:
        session["n"] = 3
        session["list"].append(2)

    with under_way(store, meanwhile):
        await session.save()
    await session.close()
    assert dict(await store.read("a")) == {"n": 3, "list": [1, 2]}


async def test_a_document_changed_while_a_save_was_under_way_is_saved_by_the_next(
    store: Any, world: World
) -> None:
    etree = pytest.importorskip("lxml.etree")
    session = await store.create(id="a")
    session.put_document("d", etree.ElementTree(etree.fromstring("<a/>")))

    def meanwhile() -> None:
        session.put_document("d", etree.ElementTree(etree.fromstring("<b/>")))
        session.put_document("e", etree.ElementTree(etree.fromstring("<e/>")))

    with under_way(store, meanwhile):
        await session.save()
    await session.close()
    async with store.open("a") as again:
        assert (await again.document("d")).getroot().tag == "b"
        assert (await again.document("e")).getroot().tag == "e"


async def test_what_is_set_aside_while_a_save_was_under_way_keeps_its_bytes(
    store: Any, world: World
) -> None:
    store._calls.undecodable = "set aside"
    await store.create(id="a", data={"bad": 1, "n": 1}, open=False)
    world.raw.hset(world.home(":a").session, ".bad", b"\xc7")
    session = await store.open("a")
    session["n"] = 2
    with under_way(store, lambda: session.update(bad="new")):
        await session.save()
    with under_way(store, lambda: session.pop("bad")):
        await session.save()
    await session.close()
    again = await store.open("a")
    assert again.set_aside == ("bad",)
    assert dict(again) == {"n": 2}
    assert b"\xc7" in world.fields(":a").values()


async def test_saves_of_many_tasks_lose_nothing_that_they_assigned(
    store: Any, world: World
) -> None:
    if world.shell != "async":
        pytest.skip("a session is one thread's")
    session = await store.create(id="a", data={})
    stop = asyncio.Event()

    async def saving() -> None:
        while not stop.is_set():
            await session.save()

    savers = [asyncio.create_task(saving()) for _ in range(3)]
    for number in range(200):
        session[f"n{number}"] = number
        if number % 3 == 0:
            await session.save()
        elif number % 5 == 0:
            await asyncio.sleep(0)
    stop.set()
    await asyncio.gather(*savers)
    await session.close()
    assert dict(await store.read("a")) == {f"n{number}": number for number in range(200)}


async def test_saves_at_the_same_time_come_to_the_server_in_their_order(
    store: Any, world: World
) -> None:
    if world.shell != "async":
        pytest.skip("a session is one thread's")
    session = await store.create(id="a", data={"n": 0})
    driver, answer, held = store._driver, store._driver._answer, asyncio.Event()

    async def slow_first(step: Any) -> Any:
        if is_saving(step) and not held.is_set():
            held.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return await answer(step)

    driver._answer = slow_first
    session["a"] = 1
    first = asyncio.create_task(session.save())
    await held.wait()
    session["b"] = 2
    await asyncio.gather(first, session.save())
    del driver._answer
    assert dict(await store.read("a")) == {"n": 0, "a": 1, "b": 2}
    await session.close()


ASSIGNING: dict[str, Callable[[Any], Any]] = {
    "assigning": lambda session: session.update(n=3),
    "with a lifetime": lambda session: session.set("n", 3, lifetime=5),
    "deleting": lambda session: session.pop("n"),
    "a document": lambda session: session.drop_document("d"),
}


@pytest.mark.parametrize("mode", ["exclusive", "shared"])
@pytest.mark.parametrize("change", ASSIGNING)
async def test_a_session_whose_close_was_sent_takes_no_changes(
    store: Any, world: World, change: str, mode: str
) -> None:
    if (change, mode) == ("a document", "shared"):
        pytest.skip("a shared writer has no documents")
    await store.create(id="a", data={"n": 1}, open=False)
    session = await store.open("a", mode=mode)
    session["n"] = 2

    def meanwhile() -> None:
        with pytest.raises(SessionNotOpen, match="close"):
            ASSIGNING[change](session)

    with under_way(store, meanwhile):
        await session.close()
    assert dict(await store.read("a")) == {"n": 2}


@pytest.mark.parametrize("mode", ["exclusive", "shared"])
@pytest.mark.parametrize("taken", [False, True], ids=["free", "opened by another since"])
async def test_a_close_whose_answer_was_lost_is_repeated_as_it_was_or_refused(
    store: Any, world: World, taken: bool, mode: str
) -> None:
    await store.create(id="a", data={"n": 1, "list": [1]}, open=False)
    session = await store.open("a", mode=mode)
    session["n"] = 2
    with answers_lost(store), pytest.raises(TimedOut):
        await session.close()
    with pytest.raises(SessionNotOpen):
        session["n"] = 3
    with pytest.raises(SessionNotOpen):
        await session.save()
    with pytest.raises(SessionNotOpen):
        await session.close(timeout=5)
    assert not session.is_open
    if taken:
        async with store.open("a") as other:
            other["mine"] = 1
    await session.close()
    await session.close()
    assert (await store.read("a"))["n"] == 2


@pytest.mark.parametrize("mode", ["exclusive", "shared"])
async def test_a_close_with_changes_made_since_the_last_was_sent_is_refused(
    store: Any, world: World, mode: str
) -> None:
    await store.create(id="a", data={"n": 1, "list": [1]}, open=False)
    session = await store.open("a", mode=mode)
    session["n"] = 2
    with answers_lost(store), pytest.raises(TimedOut):
        await session.close()
    session["list"].append(2)
    with pytest.raises(SessionNotOpen, match="close"):
        await session.close()
    session["list"].pop()
    await session.close()
    assert (await store.read("a"))["list"] == [1]


@pytest.mark.parametrize("mode", ["exclusive", "shared"])
async def test_a_close_that_did_not_land_lands_when_it_is_repeated(
    store: Any, world: World, mode: str
) -> None:
    await store.create(id="a", data={"n": 1}, open=False)
    session = await store.open("a", mode=mode)
    session["n"] = 2
    with nothing_arrives(store), pytest.raises(TimedOut):
        await session.close()
    await session.close()
    assert (await store.read("a"))["n"] == 2
    assert (await store.read("a")).info.holder is None


@pytest.mark.parametrize("mode", ["exclusive", "shared"])
async def test_a_close_that_was_refused_leaves_the_session_open_for_changes(
    store: Any, mode: str
) -> None:
    await store.configure(max_bytes=200)
    await store.create(id="a", data={"n": 1}, open=False)
    session = await store.open("a", mode=mode)
    session["big"] = "x" * 300
    with pytest.raises(ValueError, match="max_bytes"):
        await session.close()
    assert session.is_open
    del session["big"]
    session["n"] = 2
    await session.close()
    assert dict(await store.read("a")) == {"n": 2}


@pytest.mark.parametrize("last", ["discard", "delete"])
async def test_a_discard_or_delete_whose_answer_was_lost_takes_no_changes_but_is_repeated(
    store: Any, world: World, last: str
) -> None:
    session = await store.create(id="a", data={"n": 1})
    session["n"] = 2
    with answers_lost(store, any_call=True), pytest.raises(TimedOut):
        await getattr(session, last)()
    with pytest.raises(SessionNotOpen):
        session["n"] = 3
    for call in (session.save, session.close, session.renew):
        with pytest.raises(SessionNotOpen):
            await call()
    await getattr(session, last)()
    if last == "discard":
        assert dict(await store.read("a")) == {"n": 1}
    else:
        with pytest.raises(SessionEnded, match="deleted"):
            await store.read("a")


async def test_what_was_left_by_a_block_with_an_unknown_close_is_not_open_any_more(
    store: Any, world: World
) -> None:
    session = await store.create(id="a", data={"n": 1})
    session["n"] = 2
    await session.__aenter__()
    with answers_lost(store), pytest.raises(TimedOut):
        await session.__aexit__(None, None, None)
    assert not session.is_open
    with pytest.raises(SessionNotOpen):
        session["n"] = 3


@pytest.mark.parametrize("how", [{"id": "b"}, {"owner": "bob"}, {"id": "b", "owner": "bob"}])
@pytest.mark.parametrize("lost", range(4))
async def test_a_move_whose_answer_was_lost_is_repeated_as_the_same(
    store: Any, world: World, how: dict[str, str], lost: int
) -> None:
    session = await store.create(id="a", data={"n": 1})
    session["n"] = 2
    steps = []

    def loses(step: Any) -> None:
        steps.append(step)
        if len(steps) > lost:
            raise TimedOut("the answer was lost")

    with around(store, answered=loses), pytest.raises(TimedOut):
        await session.close(**how)
    await session.close(**how)
    assert await store.count() == 1
    assert dict(await store.read(how.get("id", "a"), how.get("owner", ""))) == {"n": 2}


async def test_a_shared_save_whose_answer_was_lost_is_no_conflict_with_itself(
    store: Any, world: World
) -> None:
    await store.create(id="a", data={"n": 1}, open=False)
    session = await store.open("a", mode="shared")
    session["n"] = 2
    with answers_lost(store), pytest.raises(TimedOut):
        await session.save()
    session["n"] = 3
    session["m"] = 1
    await session.close()
    assert dict(await store.read("a")) == {"n": 3, "m": 1}


def copied(session: Any) -> Any:
    """Return a copy as code makes it that goes by the attributes."""
    other = object.__new__(type(session))
    other.__dict__.update(session.__dict__)
    return other


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": pickle.dumps,
    "of its list": lambda session: copy.deepcopy(session.list("l")),
}  # fmt: skip


@pytest.mark.parametrize("how", COPIES)
async def test_a_session_is_not_copied(store: Any, how: str) -> None:
    session = await store.create(id="a", data={"n": 1})
    for _ in range(2):
        with pytest.raises(SessionNotOpen, match="copy"):
            COPIES[how](session)
        await session.close()
    assert dict(await store.read("a")) == {"n": 1}


async def test_a_copy_of_a_copy_is_not_the_original_either(store: Any) -> None:
    other = copied(await store.create(id="a"))
    gc.collect()  # the original is gone, and a copy may get its place in memory
    others = [copied(other) for _ in range(1000)]
    assert not any(one._is_original() for one in (other, *others))


async def test_a_copy_belongs_to_the_original_and_does_nothing(store: Any) -> None:
    session = await store.create(id="a", data={"n": 1})
    other = copied(session)
    assert other["n"] == 1
    calls: list[Callable[[], Awaitable[None]]] = [
        other.save, other.close, other.discard, other.renew, other.delete,
        lambda: other.list("l").append(1), lambda: other.longstring("t").append("x"),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(SessionNotOpen, match="copy"):
            await call()
    with pytest.raises(SessionNotOpen, match="copy"):
        other["n"] = 2
    session["n"] = 3
    await session.close()
    assert dict(await store.read("a")) == {"n": 3}


async def test_a_copy_does_nothing_in_a_block_either(store: Any) -> None:
    session = await store.create(id="a", data={"n": 1})
    async with copied(session):
        pass
    assert session.is_open
    session["n"] = 2
    await session.close()
    assert dict(await store.read("a")) == {"n": 2}


@pytest.mark.parametrize("size", [10, 2 << 20], ids=["small", "staged"])
async def test_a_close_with_a_document_whose_answer_was_lost_is_repeated(
    store: Any, world: World, size: int
) -> None:
    etree = pytest.importorskip("lxml.etree")
    await store.configure(max_bytes=None)
    session = await store.create(id="a")
    root = etree.Element("a")
    root.text = "x" * size
    session.put_document("d", etree.ElementTree(root))
    with answers_lost(store), pytest.raises(TimedOut):
        await session.close()
    await session.close()
    async with store.open("a") as again:
        assert len((await again.document("d")).getroot().text) == size
