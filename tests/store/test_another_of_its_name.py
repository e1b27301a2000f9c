"""Who has read a session and does not hold it never reaches another that has its name by now."""

from __future__ import annotations

from typing import Any

import pytest

from sessionstore import SessionEnded
from tests.support.worlds import World

HOW = ("made anew", "moved there", "moved there, as old to the millisecond")


async def follow(store: Any, world: World, how: str) -> None:
    """End the session `x`, and give its name to another one."""
    created = world.fields("ann:x")["c"]
    await store.delete("x", owner="ann")
    if how == "made anew":
        await store.create("x", owner="ann", data={"of": "y"}, open=False)
        return
    other = await store.create("y", owner="ann", data={"of": "y"})
    if how != "moved there":
        world.raw.hset(world.home(other).session, "c", created)
    await other.close(id="x")


@pytest.mark.parametrize("how", HOW)
async def test_a_shared_save_does_not_land_in_it(store: Any, world: World, how: str) -> None:
    await store.create("x", owner="ann", data={"of": "x"}, open=False)
    writer = await store.open("x", owner="ann", mode="shared")
    writer["card"] = "secret of x"
    await follow(store, world, how)
    with pytest.raises(SessionEnded):
        await writer.close()
    assert dict(await store.read("x", owner="ann")) == {"of": "y"}


@pytest.mark.parametrize("fields", [None, ("of",)])
async def test_a_shared_save_finds_a_session_that_has_moved_before_it_was_read(
    store: Any, world: World, fields: Any
) -> None:
    session = await store.create("y", owner="ann", data={"of": "y"})
    await session.close(id="x")
    async with await store.open("x", owner="ann", mode="shared", fields=fields) as writer:
        writer["of"] = "x"
    assert dict(await store.read("x", owner="ann")) == {"of": "x"}


@pytest.mark.parametrize("mode", ["shared", "read"])
@pytest.mark.parametrize("how", HOW)
async def test_a_delete_does_not_end_it(store: Any, world: World, how: str, mode: str) -> None:
    await store.create("x", owner="ann", data={"of": "x"}, open=False)
    seen = await store.open("x", owner="ann", mode=mode)
    await follow(store, world, how)
    with pytest.raises(SessionEnded):
        await seen.delete()
    assert dict(await store.read("x", owner="ann")) == {"of": "y"}
