"""XML documents of a session: trees that are loaded when asked for, and written when changed."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from sessionstore import SessionNotOpen, TypeRefused, UndecodableValue, ValueTooLarge
from tests.support.worlds import World

ORDER = b"<order><item n='1'>tea</item></order>"


def tree(raw: bytes = ORDER) -> Any:
    return etree.ElementTree(etree.fromstring(raw))


def text(document: Any) -> bytes:
    return bytes(etree.tostring(document))


async def made(store: Any, **more: Any) -> Any:
    session = await store.create(id="a", owner="ann", **more)
    session.put_document("order", tree())
    await session.close()
    return await store.open("a", owner="ann")


async def test_a_document_comes_back_as_a_tree(store: Any) -> None:
    session = await made(store)
    assert list(session.kept("document")) == ["order"]
    order = await session.document("order")
    assert order.getroot().find("item").get("n") == "1"
    assert await session.document("order") is order
    assert await session.document("none") is None


async def test_a_change_in_the_tree_is_noticed_and_no_change_writes_nothing(
    store: Any, world: World
) -> None:
    session = await made(store)
    order = await session.document("order")
    with world.wire(store) as sent:
        await session.save()
    assert len(sent) == 1
    assert not [word for word in sent[0].args if isinstance(word, bytes)]

    order.getroot().find("item").text = "milk"
    await session.close()
    async with store.open("a", owner="ann") as again:
        assert b"milk" in text(await again.document("order"))
    assert len([name for name in world.names() if "}v:" in name]) == 1


async def test_a_document_is_saved_with_the_attributes_or_not_at_all(
    store: Any, world: World
) -> None:
    session = await made(store)
    session["n"] = 1
    session.put_document("order", tree(b"<other/>"))
    session.put_document("more", tree(b"<more/>"))
    await session.discard()
    async with store.open("a", owner="ann") as again:
        assert "n" not in again
        assert text(await again.document("order")) == text(tree())
        assert await again.document("more") is None
        again.drop_document("order")
    async with store.open("a", owner="ann") as last:
        assert list(last.kept("document")) == []
        assert await last.document("order") is None


async def test_a_document_goes_along_with_what_was_changed_in_it(store: Any) -> None:
    session = await made(store)
    (await session.document("order")).getroot().set("to", "bob")
    await session.close(owner="bob", id="b")
    async with store.open("b", owner="bob") as moved:
        assert b'to="bob"' in text(await moved.document("order"))


async def test_a_document_counts_toward_the_size_of_the_session(store: Any) -> None:
    await store.configure(max_bytes=1000)
    session = await made(store)
    session.put_document("order", tree(b"<order>" + b"x" * 1000 + b"</order>"))
    with pytest.raises(ValueTooLarge):
        await session.save()
    session.put_document("order", tree(b"<order>" + b"x" * 500 + b"</order>"))
    await session.close()


async def test_what_cannot_be_stored_is_refused_at_once(store: Any) -> None:
    session = await made(store)
    for bad in ("<order/>", etree.fromstring("<order/>")):
        with pytest.raises(TypeRefused, match="order"):
            session.put_document("order", bad)


async def test_what_could_not_be_read_again_is_refused_when_it_is_put_and_when_it_is_saved(
    store: Any,
) -> None:
    session = await made(store)
    with pytest.raises(TypeRefused, match="text behind its root"):
        session.put_document("order", etree.ElementTree(etree.fromstring("<a><b/>c</a>")[0]))
    order = await session.document("order")
    order.getroot().append(etree.Comment("x"))
    order.getroot()[-1].text = "--><evil/><!--"
    with pytest.raises(TypeRefused, match="order"):
        await session.save()
    order.getroot()[-1].text = "harmless"
    await session.close()
    async with store.open("a", owner="ann") as again:
        assert b"harmless" in text(await again.document("order"))


async def test_stored_bytes_that_are_no_document_are_an_error(store: Any, world: World) -> None:
    session = await made(store)
    (name,) = [name for name in world.names() if "}v:" in name]
    world.raw.setrange(name, 0, b"<!")
    with pytest.raises(UndecodableValue, match="order"):
        await session.document("order")


async def test_documents_are_for_the_one_holder(store: Any) -> None:
    await (await made(store)).close()
    async with store.open("a", owner="ann", mode="shared") as visit:
        with pytest.raises(SessionNotOpen, match="exclusively"):
            await visit.document("order")
        with pytest.raises(SessionNotOpen, match="exclusively"):
            visit.put_document("order", tree())
