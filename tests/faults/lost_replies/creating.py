"""Creates: named, generated, closed, with a seat, and one that evicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import SessionStoreError
from tests.faults.lost_replies.stage import told

if TYPE_CHECKING:
    from sessionstore import SessionStore
    from tests.faults.lost_replies.stage import Scene


async def create_named(near: Any, plain: SessionStore) -> Scene:
    session = yield lambda: near.create("a", owner="ann", data={"n": 1})
    assert (session["n"], told(plain)) == (1, ["created"])
    await session.close()
    assert plain.open("a", owner="ann", wait=0)["n"] == 1


async def create_generated(near: Any, plain: SessionStore) -> Scene:
    session = yield lambda: near.create(owner="ann", data={"n": 1})
    assert (plain.count(), told(plain)) == (1, ["created"])
    await session.close()
    assert plain.open(session.id, wait=0)["n"] == 1


async def create_closed(near: Any, plain: SessionStore) -> Scene:
    yield lambda: near.create("a", open=False)
    assert told(plain, "a") == ["created"]
    plain.open("a", wait=0)


async def create_with_a_seat(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_private=2)
    plain.create("a", open=False)
    yield lambda: near.create("b")
    with pytest.raises(SessionStoreError):
        plain.create("c")
    assert plain.count() == 2


async def create_evicting(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_private=2, at_limit="evict")
    plain.create("a", open=False)
    plain.create("b", open=False)
    yield lambda: near.create("c")
    assert told(plain).count("evicted") == 1
    assert plain.count() == 2


SCENES = (
    create_named,
    create_generated,
    create_closed,
    create_with_a_seat,
    create_evicting,
)
