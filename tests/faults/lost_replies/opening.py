"""Opens: of a free session, and in line; and the renewal of what is open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.faults.lost_replies.stage import somebody_waits
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from sessionstore import SessionStore
    from tests.faults.lost_replies.stage import Scene


async def open_free(near: Any, plain: SessionStore) -> Scene:
    plain.create("a", data={"n": 1}).close()
    session = yield lambda: near.open("a")
    assert session["n"] == 1
    session["n"] = 2
    await session.close()
    assert plain.open("a", wait=0)["n"] == 2


async def open_in_line(near: Any, plain: SessionStore) -> Scene:
    held = plain.create("a", data={"n": 1})
    held["n"] = 2

    async def waiting_for_it() -> Any:
        closing = asyncio.get_running_loop().run_in_executor(None, close_when_awaited)
        session = await near.open("a", wait=20)
        await closing
        return session

    def close_when_awaited() -> None:
        wait_until(lambda: somebody_waits(plain), "somebody is in line")
        held.close()

    session = yield waiting_for_it
    assert session["n"] == 2
    await session.close()
    plain.open("a", wait=0)


async def renew(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a")
    before = session.deadline
    yield session.renew
    assert session.deadline >= before
    await session.close()


SCENES = (
    open_free,
    open_in_line,
    renew,
)
