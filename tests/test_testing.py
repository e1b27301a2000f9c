"""Stores without a server, for the unit tests of those who use this library."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sessionstore import SessionInUse
from sessionstore.testing import FakeServer, fake_async_store, fake_store


def test_a_fake_store_works_like_any_other() -> None:
    with fake_store() as store:
        with store.create(id="a", owner="alice") as session:
            session["n"] = 1
        assert store.read("a", owner="alice")["n"] == 1
        assert [info.id for info in store.list()] == ["a"]


def test_fake_stores_are_apart_unless_they_share_a_server() -> None:
    server = FakeServer()
    with fake_store(server=server) as one, fake_store(server=server) as two, fake_store() as three:
        holder = one.create(id="a")
        assert two.count() == 1
        assert three.count() == 0
        with pytest.raises(SessionInUse) as caught:
            two.open("a")
        assert caught.value.holder == one.label
        holder.close()


def test_a_fake_asyncio_store_is_entered_or_awaited(runner: asyncio.Runner) -> None:
    async def main() -> None:
        async with fake_async_store(prefix="p", buckets=2) as store:
            async with await store.create(id="a") as session:
                session["n"] = 1
            opened: Any = await store.open("a", wait=1)
            assert opened["n"] == 1
            await opened.close()
        await (await fake_async_store()).close()

    runner.run(main())
