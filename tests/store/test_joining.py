"""The first to connect makes the store, unless it says not to; all agree on what is for life."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from sessionstore import AsyncSessionStore, ConfigError, SessionStore, StoreNotFound
from tests.support.worlds import BUCKETS, World


async def of(world: World, prefix: str, **more: Any) -> Any:
    if world.place is None:
        pytest.skip("a store in the process is made by its call")
    world.prefix = prefix
    return await world.connect(**more)


def test_both_shells_make_a_store_unless_told_not_to() -> None:
    told = inspect.signature(SessionStore.connect).parameters["create"]
    assert told.default is True
    assert inspect.signature(AsyncSessionStore.connect).parameters["create"] == told


async def test_without_create_a_store_that_is_not_there_is_an_error_and_nothing_is_made(
    world: World,
) -> None:
    prefix = world.prefix
    with pytest.raises(StoreNotFound, match=prefix) as caught:
        await of(world, prefix, create=False)
    assert isinstance(caught.value, ConfigError)
    assert world.names() == []
    await of(world, prefix)
    store = await of(world, prefix, create=False)
    assert await store.count() == 0
    with pytest.raises(ConfigError, match=f"has {BUCKETS} buckets for life") as differs:
        await of(world, prefix, create=False, buckets=BUCKETS + 1)
    assert not isinstance(differs.value, StoreNotFound)
    with pytest.raises(ConfigError, match=f"connect with buckets={BUCKETS}$"):
        await of(world, prefix, buckets=BUCKETS + 1)


async def test_who_makes_room_on_a_full_server_can_connect(world: World) -> None:
    if world.kind not in ("embedded", "redis7"):
        pytest.skip("fills one server")
    store = await of(world, world.prefix)
    await store.create("due", timeout=0, open=False)
    world.raw.config_set("maxmemory", 1)
    try:
        for create in (True, False):
            late = await of(world, world.prefix, create=create)
            assert await late.sweep() == (1 if create else 0)
    finally:
        world.raw.config_set("maxmemory", 0)
