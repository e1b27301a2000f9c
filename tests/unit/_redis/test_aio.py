"""What the drivers themselves see to."""

from __future__ import annotations

import asyncio

import pytest

from sessionstore import AsyncSessionStore, ConfigError
from sessionstore.testing import fake_async_store


def test_a_store_of_another_event_loop_says_so() -> None:
    async def connect() -> AsyncSessionStore:
        return await fake_async_store()

    async def use(store: AsyncSessionStore) -> None:
        await store.create("a")

    with asyncio.Runner() as first, asyncio.Runner() as second:
        store = first.run(connect())
        first.run(use(store))
        with pytest.raises(ConfigError, match="one event loop"):
            second.run(use(store))
        first.run(store.close())
