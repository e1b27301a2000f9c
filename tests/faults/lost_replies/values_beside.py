"""What is kept beside a session: lists, longstrings and documents, some in many pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lxml import etree

from tests.faults.lost_replies.stage import keys_of

if TYPE_CHECKING:
    from sessionstore import SessionStore
    from tests.faults.lost_replies.stage import Scene


LARGE = bytes(range(256)) * 5000
"""More than goes in one piece."""


async def replace_a_longstring(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_bytes=None)
    session = await near.create("a")
    text = session.longstring("t")
    await text.append("old")
    yield lambda: text.replace(LARGE)
    await session.close()
    with plain.open("a", wait=0) as after:
        assert after.longstring("t").read() == LARGE
    only_what_is_named_stays(plain)


async def replace_a_list(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a")
    yield lambda: session.list("l").replace(range(1200))
    await session.close()
    with plain.open("a", wait=0) as after:
        assert list(after.list("l").items()) == list(range(1200))
    only_what_is_named_stays(plain)


async def append_much(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_bytes=None)
    session = await near.create("a")
    text = session.longstring("t")
    await text.append("old")
    yield lambda: text.append(LARGE)
    await session.close()
    with plain.open("a", wait=0) as after:
        assert after.longstring("t").read() == b"old" + LARGE


async def save_documents(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_bytes=None)
    session = await near.create("a")
    for name, size in (("x", 1_200_000), ("y", 10)):
        root = etree.Element("a")
        root.text = "x" * size
        session.put_document(name, etree.ElementTree(root))
    yield session.close
    with plain.open("a", wait=0) as after:
        assert [len(after.document(name).getroot().text) for name in "xy"] == [1_200_000, 10]
    only_what_is_named_stays(plain)


async def close_under_another_id_with_values(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_bytes=None)
    session = await near.create("a", owner="ann")
    await session.longstring("t").replace(LARGE)
    await session.list("l").replace(range(700))
    yield lambda: session.close(id="b", owner="bob")
    with plain.open("b", owner="bob", wait=0) as after:
        assert after.longstring("t").read() == LARGE
        assert list(after.list("l").items()) == list(range(700))
    only_what_is_named_stays(plain)


def only_what_is_named_stays(plain: SessionStore) -> None:
    """Check that there are no values but those of sessions."""
    client = plain._driver._deployment.client
    held = [client.hgetall(key) for key in keys_of(plain) if "}s:" in key]
    named = {raw[:16].decode() for fields in held for at, raw in fields.items() if at[:1] == b":"}
    assert {key[-16:] for key in keys_of(plain) if "}v:" in key} == named


SCENES = (
    replace_a_longstring,
    replace_a_list,
    append_much,
    save_documents,
    close_under_another_id_with_values,
)
