"""Saves and closes that leave a session where it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.faults.lost_replies.stage import somebody_waits, told
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from sessionstore import SessionStore
    from tests.faults.lost_replies.stage import Scene


async def save(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a", data={"n": 1, "gone": 1})
    session["n"] = 2
    yield session.save
    assert dict(plain.read("a")) == {"n": 2, "gone": 1}
    session["n"] = 3
    await session.close()
    assert plain.read("a")["n"] == 3


async def shared_save(near: Any, plain: SessionStore) -> Scene:
    plain.create("a", data={"n": 1, "m": 1}, open=False)
    session = await near.open("a", mode="shared")
    session["n"] = 2
    yield session.save
    assert dict(plain.read("a")) == {"n": 2, "m": 1}


async def close(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a", data={"n": 1})
    session["n"] = 2
    yield session.close
    assert plain.open("a", wait=0)["n"] == 2


async def close_with_a_timeout(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a")
    yield lambda: session.close(timeout=77)
    assert plain.read("a").info.timeout.total_seconds() == 77


def add_one(plain: SessionStore) -> None:
    with plain.open("a", wait=20) as session:
        session["n"] += 1


async def close_for_the_next(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a", data={"n": 1})
    session["n"] += 1
    loop = asyncio.get_running_loop()
    others = [loop.run_in_executor(None, add_one, plain) for _ in range(3)]
    await loop.run_in_executor(None, wait_until, lambda: somebody_waits(plain), "a waiter")
    yield session.close
    await asyncio.gather(*others)
    assert plain.read("a")["n"] == 5


async def close_what_is_to_end(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a")
    assert plain.delete("a") is False
    yield session.close
    assert told(plain) == ["created", "ended"]


async def discard(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a", data={"n": 1})
    session["n"] = 2
    yield session.discard
    assert plain.open("a", wait=0)["n"] == 1


SCENES = (
    save,
    shared_save,
    close,
    close_with_a_timeout,
    close_for_the_next,
    close_what_is_to_end,
    discard,
)
