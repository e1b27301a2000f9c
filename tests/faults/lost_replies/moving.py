"""Closes that give a session another id or owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import SessionStoreError
from tests.faults.lost_replies.stage import told

if TYPE_CHECKING:
    from sessionstore import SessionStore
    from tests.faults.lost_replies.stage import Scene


async def close_under_another_id(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a", owner="ann", data={"n": 1})
    session["n"] = 2
    yield lambda: session.close(id="b")
    assert plain.open("b", owner="ann", wait=0)["n"] == 2
    with pytest.raises(SessionStoreError):
        plain.read("a", owner="ann")
    assert plain.count() == 1


async def close_under_another_id_what_is_to_end(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a")
    assert plain.delete("a") is False
    yield lambda: session.close(id="b")
    assert told(plain) == ["created", "ended"]


async def close_for_another_owner(near: Any, plain: SessionStore) -> Scene:
    session = await near.create(owner="ann", data={"n": 1})
    session["n"] = 2
    yield lambda: session.close(owner="bob")
    assert plain.open(session.id, owner="bob", wait=0)["n"] == 2
    assert (plain.count("ann"), plain.count("bob"), plain.count()) == (0, 1, 1)


async def close_for_another_owner_with_seats(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_private=1, max_public=1, max_per_owner=1)
    session = await near.create("a", owner="ann")
    yield lambda: session.close(owner="*")
    assert (plain.count("ann"), plain.count("*"), plain.count()) == (0, 1, 1)
    plain.create("b", owner="ann")


SCENES = (
    close_under_another_id,
    close_under_another_id_what_is_to_end,
    close_for_another_owner,
    close_for_another_owner_with_seats,
)
