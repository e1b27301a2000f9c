"""After a save or a close without an answer, what is acknowledged next is what is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from sessionstore import QuotaExceeded, SessionEnded, SessionNotOpen, TimedOut, ValueTooLarge
from tests.support.steps import answers_lost, nothing_arrives
from tests.support.wait import until
from tests.support.worlds import World
from tests.unit.data.classes import Cart

Change = Callable[[Any], Any]

TAKEN_BACK: dict[str, tuple[Change, Change]] = {
    "an attribute": (lambda s: s.update(n=2), lambda s: s.update(n=1)),
    "in place": (lambda s: s["list"].append(2), lambda s: s["list"].pop()),
    "a new one": (lambda s: s.update(new=1), lambda s: s.pop("new")),
    "a removal": (lambda s: s.pop("n"), lambda s: s.update(n=1)),
    "an object": (
        lambda s: setattr(s["cart"], "note", "later"),
        lambda s: setattr(s["cart"], "note", ""),
    ),
    "a new object": (lambda s: s.update(other=Cart([])), lambda s: s.pop("other")),
    "a lifetime": (
        lambda s: s.set("n", 1, lifetime=timedelta(hours=1)),
        lambda s: s.update(n=1),
    ),
}


@pytest.mark.parametrize("lost", [answers_lost, nothing_arrives])
@pytest.mark.parametrize("change", TAKEN_BACK)
@pytest.mark.parametrize("how", ["save", "close"])
async def test_a_change_that_is_taken_back_after_an_unknown_save_is_not_stored(
    store: Any, world: World, lost: Any, change: str, how: str
) -> None:
    do, undo = TAKEN_BACK[change]
    session = await store.create("a", data={"n": 1, "list": [1], "cart": Cart([], note="")})
    fields = {at for at in world.fields(session) if at[:1] in (b".", b"@")}
    before = dict(session)
    do(session)
    with lost(store), pytest.raises(TimedOut):
        await session.save()
    undo(session)
    await getattr(session, how)()
    there = await store.read("a")
    assert dict(there) == before
    assert {at for at in world.fields(session) if at[:1] in (b".", b"@")} == fields
    if how == "save":
        await session.close()
    async with store.open("a") as again:
        assert again.lifetime("n") is None


@pytest.mark.parametrize("lost", [answers_lost, nothing_arrives])
@pytest.mark.parametrize("how", ["save", "close"])
async def test_a_document_that_is_changed_back_after_an_unknown_save(
    store: Any, world: World, lost: Any, how: str
) -> None:
    etree = pytest.importorskip("lxml.etree")
    session = await store.create("a")
    session.put_document("d", etree.ElementTree(etree.fromstring("<a>1</a>")))
    await session.save()
    (await session.document("d")).getroot().text = "2"
    with lost(store), pytest.raises(TimedOut):
        await session.save()
    (await session.document("d")).getroot().text = "1"
    await getattr(session, how)()
    if how == "save":
        await session.close()
    async with store.open("a") as again:
        assert (await again.document("d")).getroot().text == "1"


async def test_a_refusal_of_what_was_perhaps_saved_is_not_told_for_what_replaced_it(
    store: Any, world: World
) -> None:
    await store.configure(max_bytes=1000)
    session = await store.create("a", data={"n": 1})
    session["large"] = "x" * 2000
    with nothing_arrives(store), pytest.raises(TimedOut):
        await session.save()
    del session["large"]
    session["n"] = 2
    await session.close()
    assert dict(await store.read("a")) == {"n": 2}


async def test_a_save_that_is_cancelled_is_settled_by_the_next(store: Any, world: World) -> None:
    if world.shell != "async":
        pytest.skip("threads are not cancelled")
    session = await store.create("a", data={"n": 1})
    for _ in range(5):
        session["n"] = 2
        saving = asyncio.create_task(session.save())
        await asyncio.sleep(0)
        saving.cancel()
        with suppress(asyncio.CancelledError):
            await saving
        session["n"] = 1
        await session.save()
        assert (await store.read("a"))["n"] == 1
    await session.close()


LOOKS: dict[str, Change] = {
    "at one": lambda s: s["list"],
    "at all": dict,
    "at an object": lambda s: s["cart"].note,
    "at none": len,
}


@pytest.mark.parametrize("lost", [answers_lost, nothing_arrives])
@pytest.mark.parametrize("look", LOOKS)
async def test_a_close_is_repeated_by_who_has_only_looked_meanwhile(
    store: Any, world: World, lost: Any, look: str
) -> None:
    await store.create("a", data={"n": 1, "list": [1], "cart": Cart([])}, open=False)
    session = await store.open("a")
    session["n"] = 2
    with lost(store), pytest.raises(TimedOut):
        await session.close()
    LOOKS[look](session)
    await session.close()
    assert (await store.read("a"))["n"] == 2


async def test_a_close_is_repeated_though_a_lifetime_has_ended_meanwhile(
    store: Any, world: World
) -> None:
    session = await store.create("a")
    session.set("code", 1, lifetime=timedelta(milliseconds=50))
    session["n"] = 2
    with nothing_arrives(store), pytest.raises(TimedOut):
        await session.close()
    end = world.now() + 100
    await until(lambda: world.now() > end, "the code has ended")
    assert "n" in session
    await session.close()
    assert dict(await store.read("a")) == {"n": 2}


@pytest.mark.parametrize("lost", [answers_lost, nothing_arrives])
@pytest.mark.parametrize("first", ["close", "discard", "delete"])
@pytest.mark.parametrize("then", ["close", "discard", "delete"])
async def test_no_other_last_request_follows_one_that_is_unknown(
    store: Any, world: World, lost: Any, first: str, then: str
) -> None:
    session = await store.create("a", data={"n": 1})
    losing = lost(store, any_call=True) if lost is answers_lost else lost(store)
    with losing, suppress(TimedOut):
        await getattr(session, first)()
    if session.is_open or (first == "delete" and lost is nothing_arrives):
        return  # a delete is no save
    if first == then:
        await getattr(session, then)()
    else:
        with pytest.raises(SessionNotOpen):
            await getattr(session, then)()


async def test_a_session_whose_close_was_refused_at_its_repeat_is_renewed_again(
    store: Any, world: World
) -> None:
    await store.configure(lease=0.6, max_bytes=500)
    session = await store.create("a", data={"n": 1})
    session["large"] = "x" * 1000
    with nothing_arrives(store), pytest.raises(TimedOut):
        await session.close()
    assert not session.is_open
    with pytest.raises(ValueTooLarge):
        await session.close()
    assert session.is_open
    first = world.lease_end(session)
    await until(lambda: world.lease_end(session) > first + 1000, "it is renewed")
    del session["large"]
    await session.close()


async def test_a_refused_move_has_saved_nothing_not_even_beside_a_document(
    store: Any, world: World
) -> None:
    etree = pytest.importorskip("lxml.etree")
    await store.configure(max_per_owner=1)
    await store.create("b", "bob", open=False)
    session = await store.create("a", data={"n": 1})
    session.put_document("old", etree.ElementTree(etree.fromstring("<old/>")))
    session.put_document("gone", etree.ElementTree(etree.fromstring("<gone/>")))
    await session.save()
    session["n"] = 2
    session.put_document("old", etree.ElementTree(etree.fromstring("<new/>")))
    session.put_document("first", etree.ElementTree(etree.fromstring("<first/>")))
    session.drop_document("gone")
    with pytest.raises(QuotaExceeded):
        await session.close(owner="bob")
    await session.discard()
    async with store.open("a") as again:
        assert again["n"] == 1
        assert (await again.document("old")).getroot().tag == "old"
        assert await again.document("first") is None
        again["n"] = 3
        again.put_document("old", etree.ElementTree(etree.fromstring("<new/>")))
        again.put_document("first", etree.ElementTree(etree.fromstring("<first/>")))
        again.drop_document("gone")
        await again.close(owner="ann", id="c")
    async with store.open("c", "ann") as moved:
        assert moved["n"] == 3
        assert (await moved.document("old")).getroot().tag == "new"
        assert (await moved.document("first")).getroot().tag == "first"
        assert await moved.document("gone") is None
        assert moved.kept("document").keys() == {"old", "first"}


async def test_what_was_not_asked_for_can_be_removed_once_it_was_assigned(store: Any) -> None:
    await store.create("a", data={"a": 1, "b": 2, "c": Cart([])}, open=False)
    async with store.open("a", fields=["b"]) as session:
        for name in ("a", "c", "new"):
            session[name] = 1
            del session[name]
        await session.save()
        session["a"] = 3
        await session.save()
        session["b"] = 4
    assert dict(await store.read("a")) == {"a": 3, "b": 4}


async def test_who_is_cancelled_while_it_waits_to_leave_gives_the_session_back(
    store: Any, world: World
) -> None:
    if world.shell != "async":
        pytest.skip("threads are not cancelled")
    await store.create("a", data={"n": 0}, open=False)
    entered, session = asyncio.Event(), None
    gate = asyncio.Event()

    async def leaves() -> None:
        nonlocal session
        async with store.open("a") as session:
            session["n"] = 1
            entered.set()
            await gate.wait()

    leaving = asyncio.create_task(leaves())
    await entered.wait()
    await session._turn.acquire()  # another task is just saving
    gate.set()
    for _ in range(3):
        await asyncio.sleep(0)
        leaving.cancel()
    await asyncio.sleep(0)
    session._turn.release()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    async with store.open("a", wait=0) as again:
        assert again["n"] == 1


@pytest.mark.parametrize("where", [{"owner": "bob"}, {"id": "b"}, {"id": "b", "owner": "bob"}])
async def test_a_move_that_is_cancelled_has_happened_or_leaves_the_session_open(
    store: Any, world: World, where: dict[str, str]
) -> None:
    if world.shell != "async":
        pytest.skip("threads are not cancelled")
    for turns in range(40):
        await store.create("a", data={"n": 0}, open=False)
        session = await store.open("a")
        closing = asyncio.create_task(session.close(**where))
        for _ in range(turns):
            await asyncio.sleep(0)
        closing.cancel()
        with suppress(asyncio.CancelledError):
            await closing
        if session.is_open:
            session["n"] = 1
            await session.close()
            await store.delete("a")
        else:
            gone = await store.open(session.id, session.owner, wait=0)
            await gone.delete()


PUTS: dict[str, Change] = {
    "dropped": lambda values: values.drop(),
    "replaced": lambda values: values.replace(list(range(600))),
}


@pytest.mark.parametrize("lost", [answers_lost, nothing_arrives])
@pytest.mark.parametrize("how", PUTS)
async def test_a_list_whose_drop_had_no_answer_is_what_it_is_seen_to_be_from_then_on(
    store: Any, world: World, lost: Any, how: str
) -> None:
    session = await store.create("a")
    values = session.list("l")
    await values.append("first")
    with lost(store), pytest.raises(TimedOut):
        await PUTS[how](values)
    seen = [item async for item in values.items()]
    assert (seen == ["first"]) is (lost is nothing_arrives)
    await values.append("paid")
    session["n"] = 1
    await session.save()
    await session.close()
    async with store.open("a") as again:
        assert [item async for item in again.list("l").items()] == [*seen, "paid"]
        assert again.kept("list").keys() == {"l"}


async def test_a_session_that_has_ended_is_told_by_its_close_whoever_was_the_first_to_learn_it(
    store: Any, world: World
) -> None:
    session = await store.create("a", lifetime=0.05)
    session["n"] = 1
    end = world.now() + 100
    await until(lambda: world.now() > end, "its lifetime is over")
    for call in (session.list("l").append, session.save, session.close, session.close):
        with pytest.raises(SessionEnded) as caught:
            await call()
        assert caught.value.reason == "lifetime"


async def test_a_block_gives_back_a_session_that_cannot_be_encoded(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.create("a", data={"cart": Cart([])}, open=False)

    async def leaves() -> None:
        async with store.open("a") as session:
            session["cart"].note = "a note"
            monkeypatch.setattr(Cart, "articles", property(lambda self: 1 / 0), raising=False)

    with pytest.raises(ZeroDivisionError):
        await leaves()
    monkeypatch.undo()
    await (await store.open("a", wait=0)).close()


@pytest.mark.parametrize("turns", range(8))
async def test_who_is_cancelled_while_a_document_is_written_gives_the_session_back(
    store: Any, world: World, turns: int
) -> None:
    if world.shell != "async":
        pytest.skip("threads are not cancelled")
    etree = pytest.importorskip("lxml.etree")
    await store.create("a", open=False)
    begun = asyncio.Event()

    async def leaves() -> None:
        async with store.open("a") as session:
            session.put_document("d", etree.ElementTree(etree.fromstring("<a/>")))
            begun.set()

    leaving = asyncio.create_task(leaves())
    await begun.wait()
    for _ in range(turns):
        await asyncio.sleep(0)
    leaving.cancel()
    with suppress(asyncio.CancelledError):
        await leaving
    await (await store.open("a", wait=0)).close()
