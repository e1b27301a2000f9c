"""What the model has found, as small as it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import LeaseLost

if TYPE_CHECKING:
    from tests.support.worlds import World


async def test_a_loser_of_a_session_that_is_long_forgotten_is_told(
    store: Any, world: World
) -> None:
    old = await store.create(id="a", data={"n": 1})
    world.lapse(":a")
    await store.delete("a")
    world.raw.delete(world.home(old).session)  # the time of its tombstone is over
    await store.create(id="a", data={"n": 1}, open=False)
    old["n"] = 2
    with pytest.raises(LeaseLost):
        await old.close()


async def test_a_rename_needs_no_second_place_in_the_quota_of_its_owner(store: Any) -> None:
    await store.configure(max_per_owner=1)
    session = await store.create(id="x", owner="ann")
    await session.close(id="y")
    assert await store.count("ann") == 1


async def test_a_rename_evicts_nobody(store: Any) -> None:
    await store.configure(max_per_owner=2, at_limit="evict")
    await store.create(id="z", owner="ann", open=False)
    session = await store.create(id="x", owner="ann")
    await session.close(id="y")
    assert {info.id async for info in store.list("ann")} == {"y", "z"}
