"""What the public calls of asyncio return, for a type checker; nothing runs this file."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, assert_type

from sessionstore import (
    AsyncAtomic,
    AsyncEvents,
    AsyncLongstring,
    AsyncSession,
    AsyncSessionList,
    AsyncSessionStore,
    Event,
    Parameters,
    SessionInfo,
    Snapshot,
)
from sessionstore.embedded import EmbeddedServer
from sessionstore.testing import fake_async_store


async def stores(store: AsyncSessionStore) -> None:
    assert_type(await AsyncSessionStore.connect("embedded://", safe=True), AsyncSessionStore)
    assert_type(await fake_async_store(), AsyncSessionStore)
    assert_type(store.as_user("alice", privileged=True), AsyncSessionStore)
    async with AsyncSessionStore.connect("embedded://") as connected:
        assert_type(connected, AsyncSessionStore)
    with EmbeddedServer() as server:
        assert_type(server, EmbeddedServer)
        assert_type(server.url, str)


async def sessions(store: AsyncSessionStore) -> None:
    assert_type(await store.create(owner="alice", timeout=600, data={"cart": []}), AsyncSession)
    assert_type(await store.open("cart", owner="alice", wait=timedelta(seconds=5)), AsyncSession)
    assert_type(await store.read("cart", owner="alice"), Snapshot)
    assert_type(await store.touch("cart"), None)
    assert_type(await store.delete("cart", wait=1), bool)
    async with store.create() as created, store.open("cart", mode="shared") as opened:
        assert_type(created, AsyncSession)
        assert_type(opened, AsyncSession)


async def the_store_as_a_whole(store: AsyncSessionStore) -> None:
    assert_type(store.list(owner="alice", pattern="c*"), AsyncIterator[SessionInfo])
    assert_type(store.events(since=None), AsyncEvents)
    assert_type([event async for event in store.events()], list[Event])
    assert_type(store.events().cursor, str)
    assert_type(await store.count("alice"), int)
    assert_type(await store.end_all("alice", keep="cart"), int)
    assert_type(await store.sweep(), int)
    assert_type(await store.now(), datetime)
    assert_type(await store.configure(max_per_owner=5), Parameters)
    assert_type(store.atomic("cart"), AsyncAtomic)
    assert_type(await store.atomic("cart").append("seen", 1), int)
    assert_type(await store.atomic("cart").set_if("state", "paid"), bool)


async def a_session(session: AsyncSession) -> None:
    assert_type(session.id, str)
    assert_type(session.owner, str)
    assert_type(session.fence, int)
    assert_type(session.holder, str)
    assert_type(session.timeout, timedelta)
    assert_type(session.deadline, datetime)
    assert_type(session.waited, timedelta)
    assert_type(session["cart"], Any)  # it may be anything that can be stored
    assert_type([name for name in session], list[str])  # noqa: C416 - the item's type
    assert_type(await session.save(), None)
    assert_type(await session.renew(), None)
    assert_type(await session.close(owner="bob", timeout=60), None)
    assert_type(await session.discard(), None)
    assert_type(await session.delete(), bool)
    assert_type(session.list("log"), AsyncSessionList)
    assert_type(await session.list("log").append("a", "b"), int)
    assert_type(await session.list("log").page(0, 10), list[Any])
    assert_type(session.longstring("text"), AsyncLongstring)
    assert_type(await session.longstring("text").read(), bytes)


async def wrong(store: AsyncSessionStore, session: AsyncSession, unknown: Any) -> None:
    """A checker that does not see these would see nothing above: it asks to take the marks away."""
    assert_type(unknown, AsyncSession)  # type: ignore[assert-type]  # pyright: ignore[reportAssertTypeFailure]
    store.open(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    session.fence = 1  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
