"""Objects follow their session: one identity, stored once, gone when nothing refers to them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from sessionstore import Conflict, LeaseLost, SessionNotOpen, TypeRefused
from sessionstore._core.operation import Operation
from tests.support.steps import before
from tests.support.wait import until
from tests.support.worlds import World
from tests.unit.data.classes import Article, Cart, Colour, Node, Price, Unknown
from tests.unit.data.graphs import linked, shape


def named(sent: list[Operation[Any]]) -> list[bytes]:
    """The fields of attributes and objects that operations name."""
    words = [word for operation in sent for word in operation.args if isinstance(word, bytes)]
    return [word for word in words if word[:1] in (b".", b"@") and len(word) < 20]


def objects(world: World, session: str = ":a") -> list[str]:
    return [name for name in world.fields(session) if name[0] == "@" and len(name) == 9]


def tea() -> Article:
    return Article("tea", Price(Decimal("1.50")), Colour.GREEN)


async def test_what_an_attribute_refers_to_is_stored_with_its_identity(
    store: Any, world: World
) -> None:
    article = tea()
    article.sold_with.append(article)
    async with await store.create(id="a") as session:
        session["cart"] = Cart([article, article])
        session["last"] = {"seen": article}
    assert len(objects(world)) == 2
    async with store.open("a") as session:
        cart = session["cart"]
        assert type(cart) is Cart
        assert cart.articles[0] is cart.articles[1] is session["last"]["seen"]
        assert cart.articles[0].sold_with == [cart.articles[0]]
        assert cart.articles[0].price == Price(Decimal("1.50"))
    snapshot = await store.read("a")
    assert snapshot["last"]["seen"] is snapshot["cart"].articles[0]


async def test_a_session_may_be_made_with_objects(store: Any, world: World) -> None:
    article = tea()
    data = {"one": article, "two": [article], "n": 1}
    async with await store.create(id="a", data=data) as session:
        assert session["one"] is session["two"][0]
        session["two"][0].name = "green tea"
    assert len(objects(world)) == 1
    assert (await store.read("a"))["one"].name == "green tea"


async def test_looking_at_objects_writes_nothing(store: Any, world: World) -> None:
    await store.create(id="a", data={"cart": Cart([tea()])}, open=False)
    session = await store.open("a")
    assert session["cart"].articles[0].name == "tea"
    with world.wire(store) as sent:
        await session.close()
    assert len(sent) == 1
    assert not [word for word in sent[0].args if isinstance(word, bytes)]


async def test_of_a_thousand_objects_the_one_that_changed_is_sent(store: Any, world: World) -> None:
    nodes = [Node(number, "x" * 100) for number in range(1000)]
    for node, following in pairwise(nodes):
        node.links = (following, "x" * 100)
    session = await store.create(id="a")
    session["nodes"] = nodes
    with world.wire(store) as sent:
        await session.close()
    whole = sum(len(word) for word in sent[0].args if isinstance(word, bytes))
    session = await store.open("a")
    session["nodes"][500].label = "changed"
    with world.wire(store) as sent:
        await session.close()
    assert len(named(sent)) == 1
    assert sum(len(word) for word in sent[0].args if isinstance(word, bytes)) < whole / 100
    assert (await store.read("a"))["nodes"][500].label == "changed"


async def test_what_nothing_refers_to_is_gone_after_the_save(store: Any, world: World) -> None:
    article = tea()
    session = await store.create(id="a", data={"n": 1})
    session["cart"] = Cart([article])
    session["last"] = article
    await session.save()
    assert len(objects(world)) == 2
    del session["cart"]
    await session.save()
    assert len(objects(world)) == 1
    session["last"].name = "still in use"
    await session.save()
    session["last"] = None
    await session.close()
    assert objects(world) == []
    assert "@" not in world.fields(":a")
    assert dict(await store.read("a")) == {"n": 1, "last": None}


async def test_what_is_discarded_leaves_nothing(store: Any, world: World) -> None:
    await store.create(id="a", data={"cart": Cart([tea()])}, open=False)
    before = world.fields(":a")
    with suppress(ZeroDivisionError):
        async with store.open("a") as session:
            session["cart"].articles.append(tea())
            session["more"] = Node()
            raise ZeroDivisionError
    after = world.fields(":a")
    assert {name for name in after if name[0] in "@."} == {n for n in before if n[0] in "@."}
    session = await store.open("a")
    session["more"] = Node()
    await session.discard()
    assert len(objects(world)) == 2


async def test_what_is_not_stored_is_refused_when_it_is_assigned_or_else_when_saved(
    store: Any, world: World
) -> None:
    session = await store.create(id="a", data={"n": 1})
    cart = Cart([tea()])
    session["cart"] = cart
    with pytest.raises(TypeRefused, match=r"^carts\[1\]\.articles\[0\]\.price is of type"):
        session["carts"] = [cart, Cart([Article("milk", Unknown())])]
    cart.note = Unknown()
    with pytest.raises(TypeRefused, match=r"^cart\.note is of type Unknown"):
        await session.close()
    assert objects(world) == []
    cart.note = ""
    await session.close()
    assert len(objects(world)) == 2


async def test_a_deep_graph_and_a_cycle_survive(store: Any) -> None:
    first = linked(3000)
    await store.create(id="a", data={"chain": first}, open=False)
    assert shape((await store.read("a"))["chain"]) == shape(first)


async def test_objects_move_with_their_session(store: Any, world: World) -> None:
    session = await store.create(id="a", owner="alice", data={"cart": Cart([tea()])})
    session["cart"].note = "mine"
    await session.close(owner="bob")
    snapshot = await store.read("a", owner="bob")
    assert (snapshot["cart"].note, snapshot["cart"].articles[0].name) == ("mine", "tea")
    assert len(objects(world, "bob:a")) == 2


# --- With `fields=`: as much is loaded as is needed, in one more step at most --------------------


async def test_plain_attributes_beside_objects_cost_one_step(store: Any, world: World) -> None:
    await store.create(id="a", data={"n": 1, "cart": Cart([tea()])}, open=False)
    with world.wire(store) as sent:
        session = await store.open("a", fields=["n"])
        session["n"] = 2
        await session.close()
    assert len(sent) == 2
    assert len(objects(world)) == 2
    assert (await store.read("a"))["n"] == 2


@pytest.mark.parametrize("mode", ["exclusive", "read", "shared"])
async def test_objects_that_are_asked_for_come_with_all_they_need(
    store: Any, world: World, mode: str
) -> None:
    article = tea()
    data = {"n": 1, "cart": Cart([article]), "last": article}
    await store.create(id="a", data=data, open=False)
    with world.wire(store) as sent:
        session = await store.open("a", fields=["cart"], mode=mode)
    assert len(sent) == 2
    assert session["cart"].articles[0].name == "tea"
    assert dict(session) == {"cart": session["cart"]}
    with pytest.raises(KeyError, match="not asked for"):
        session["last"]
    with world.wire(store) as sent:
        await session.close()
    assert len(sent) == (mode == "exclusive")


async def test_what_others_refer_to_stays_though_they_were_not_asked_for(
    store: Any, world: World
) -> None:
    article = tea()
    await store.create(id="a", data={"cart": Cart([article]), "last": article}, open=False)
    async with store.open("a", fields=["cart"]) as session:
        del session["cart"]
    assert len(objects(world)) == 1
    assert (await store.read("a"))["last"].name == "tea"


async def test_what_is_written_blindly_drops_what_it_referred_to(store: Any, world: World) -> None:
    data = {"n": 1, "cart": Cart([tea()]), "last": tea()}
    await store.create(id="a", data=data, open=False)
    session = await store.open("a", fields=["n"])
    session["cart"] = None
    with world.wire(store) as sent:
        await session.close()
    assert len(sent) == 2
    assert len(objects(world)) == 1
    assert (await store.read("a"))["last"].name == "tea"
    async with store.open("a", fields=["n"]) as session:
        session["n"] = Node("new")
    assert len(objects(world)) == 2
    assert (await store.read("a"))["n"].label == "new"


async def test_the_first_object_of_a_session_needs_no_second_look(store: Any, world: World) -> None:
    await store.create(id="a", data={"n": 1, "m": [2]}, open=False)
    with world.wire(store) as sent:
        async with store.open("a", fields=["n"]) as session:
            session["cart"] = Cart([tea()])
    assert len(sent) == 2
    async with store.open("a", fields=["m"]) as session:
        session["cart"] = None
    assert objects(world) == []


async def test_a_holder_that_was_cut_off_is_told_so_by_its_second_look(
    store: Any, world: World
) -> None:
    await store.create(id="a", data={"n": 1, "cart": Cart([])}, open=False)
    session = await store.open("a", fields=["n"])
    world.lapse(":a")
    other = await store.open("a")
    session["cart"] = None
    with pytest.raises(LeaseLost):
        await session.close()
    await other.close()
    assert len(objects(world)) == 1


LAST_SEEN: dict[str, Callable[[Any], Article]] = {
    "removed": lambda s: s.pop("way"),
    "assigned over": lambda s: (s["way"], s.update(way=None))[0],
    "out of a list": lambda s: s["list"].pop(),
    "out of another object": lambda s: s["other"].articles.pop(),
}


@pytest.mark.parametrize("fields", [None, ["way", "list", "other"]])
@pytest.mark.parametrize("how", LAST_SEEN)
async def test_a_change_of_an_object_that_only_others_still_use_is_saved(
    store: Any, world: World, how: str, fields: list[str] | None
) -> None:
    it = tea()
    data = {"way": it, "list": [it], "other": Cart([it]), "cart": Cart([it])}
    await store.create(id="a", data=data, open=False)
    session = await store.open("a", fields=fields)
    taken = LAST_SEEN[how](session)
    await session.save()
    taken.name = "green tea"
    await session.save()
    assert (await store.read("a"))["cart"].articles[0].name == "green tea"
    taken.name = "milk"
    await session.close()
    assert (await store.read("a"))["cart"].articles[0].name == "milk"


async def test_a_change_of_an_object_whose_attribute_has_ended_is_saved(
    store: Any, world: World
) -> None:
    session = await store.create(id="a", data={"cart": Cart([tea()])})
    session.set("code", session["cart"].articles[0], lifetime=0.1)
    await session.close()
    session = await store.open("a")
    taken = session["code"]
    await until(lambda: "code" not in session, "the attribute has ended")
    taken.name = "green tea"
    await session.close()
    assert (await store.read("a"))["cart"].articles[0].name == "green tea"


async def test_a_change_of_an_object_that_is_not_used_any_more_is_not_saved(
    store: Any, world: World
) -> None:
    session = await store.create(id="a", data={"way": tea(), "cart": Cart([tea()])})
    taken = session.pop("way")
    await session.save()
    before = world.fields(session)
    taken.name = "green tea"
    with world.wire(store) as sent:
        await session.save()
    assert named(sent) == []
    taken.name = object()
    await session.close()
    assert before.keys() - world.fields(session).keys() <= {"h", "n"}
    assert len(objects(world)) == 2


# --- Shared writers ------------------------------------------------------------------------------


async def test_a_shared_writer_reads_objects_and_changes_what_is_none(store: Any) -> None:
    await store.create(id="a", data={"cart": Cart([tea()]), "n": 1}, open=False)
    async with store.open("a", mode="shared") as session:
        session["n"] = len(session["cart"].articles) + 1
    assert (await store.read("a"))["n"] == 2


@pytest.mark.parametrize("change", ["inside", "new", "drop", "replace"])
async def test_a_shared_writer_may_not_change_objects(
    store: Any, world: World, change: str
) -> None:
    await store.create(id="a", data={"cart": Cart([tea()]), "n": 1}, open=False)
    before = world.fields(":a")
    session = await store.open("a", mode="shared")
    if change == "inside":
        session["cart"].articles[0].name = "milk"
    elif change == "new":
        session["n"] = [Node()]
    elif change == "drop":
        del session["cart"]
    else:
        session["cart"] = 1
    with pytest.raises(SessionNotOpen, match="changing objects"):
        await session.save()
    assert world.fields(":a") == before


@pytest.mark.parametrize("fields", [["n"], ["last"]])
@pytest.mark.parametrize("end", ["save", "close"])
async def test_a_shared_writer_may_not_write_over_an_object_that_it_did_not_ask_for(
    store: Any, world: World, fields: list[str], end: str
) -> None:
    data = {"cart": [Cart([tea()])], "last": tea(), "n": 1, "m": 1}
    await store.create(id="a", data=data, open=False)
    before = world.fields(":a")
    session = await store.open("a", mode="shared", fields=fields)
    session["cart"] = 1
    with pytest.raises(SessionNotOpen, match="changing objects"):
        await getattr(session, end)()
    del session["cart"]
    with pytest.raises(SessionNotOpen, match="changing objects"):
        await getattr(session, end)()
    assert world.fields(":a") == before
    session = await store.open("a", mode="shared", fields=fields)
    session["m"] = session["new"] = 2
    with world.wire(store) as sent:
        await session.save()
    assert len(sent) == 2
    session["m"] = 3
    with world.wire(store) as sent:
        await session.close()
    assert len(sent) == 1
    found = await store.read("a")
    assert (found["m"], found["new"]) == (3, 2)


async def test_what_was_looked_at_before_it_is_written_over_must_still_be_so(
    store: Any, world: World
) -> None:
    await store.create(id="a", data={"cart": Cart([tea()]), "n": 1, "m": 1}, open=False)
    session = await store.open("a", mode="shared", fields=["n"])
    session["m"] = 2
    late = lambda _: world.raw.hset(world.home(":a").session, ".m", b"\x05")  # noqa: E731
    with before(store, "merge", late), pytest.raises(Conflict):
        await session.save()
    await session.close()
    assert (await store.read("a"))["m"] == 2


async def test_an_object_that_a_shared_writer_overwrote_unseen_goes_with_the_next_change(
    store: Any, world: World
) -> None:
    await store.create(id="a", data={"n": 1}, open=False)
    shared = await store.open("a", fields=["n"], mode="shared")
    async with store.open("a") as session:
        session["cart"] = Cart([tea()])
    shared["cart"] = 1
    await shared.save()
    assert dict(await store.read("a")) == {"n": 1, "cart": 1}
    async with store.open("a") as session:
        session["n"] = 2
    assert not [name for name in world.fields(":a") if name.startswith("@")]
