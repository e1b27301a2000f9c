"""A view owns nothing; after the store is closed, every use says that it was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sessionstore import StoreClosed
from tests.support.wait import until
from tests.support.worlds import World

LEASE = 0.9


async def renewed(session: Any, world: World) -> None:
    """See that a lease is renewed for longer than it lasts."""
    first = world.lease_end(session)
    await until(lambda: world.lease_end(session) > first + LEASE * 1000, "the lease is renewed")


async def leave(view: Any, how: str) -> None:
    if how == "close":
        await view.close()
        return
    async with view:
        await view.create(open=False)


@pytest.mark.parametrize("how", ["close", "block"])
async def test_leaving_a_view_closes_nothing(store: Any, world: World, how: str) -> None:
    await store.configure(lease=LEASE)
    before = await store.create("before", owner="alice", data={"n": 0})
    view = store.as_user("alice")
    within = await view.create("within", data={"n": 0})
    await leave(view, how)
    after = await store.create("after", owner="alice", data={"n": 0})
    again = await view.create("again", data={"n": 0})
    sessions = (before, within, after, again)
    await asyncio.gather(*(renewed(session, world) for session in sessions))
    for session in sessions:
        session["n"] = 1
        await session.close()
        assert (await view.read(session.id))["n"] == 1


async def test_leaving_a_view_of_a_view_closes_nothing_either(store: Any) -> None:
    view = store.as_user("root", privileged=True)
    await leave(view.as_user("bob"), "block")
    await (await view.create("a")).close()


@pytest.mark.parametrize("through", ["store", "view"])
async def test_every_use_after_the_close_says_so(store: Any, world: World, through: str) -> None:
    await store.create("a", owner="alice", open=False)
    view = store.as_user("alice")
    await store.close()
    await store.close()
    used = view if through == "view" else store
    privileged = store.as_user("root", privileged=True)

    async def each(iterator: Any) -> None:
        async for _ in iterator:
            pass

    async def parameters() -> None:
        await used.parameters

    calls = (
        lambda: used.create("b"),
        lambda: used.open("a", owner="alice"),
        lambda: used.open("a", owner="alice", mode="read"),
        lambda: used.open("a", owner="alice", mode="shared"),
        lambda: used.read("a", owner="alice"),
        lambda: used.touch("a", owner="alice"),
        lambda: used.atomic("a", owner="alice").add("n", 1),
        lambda: used.delete("a", owner="alice"),
        lambda: each(used.list("alice")),
        lambda: used.count("alice"),
        lambda: used.end_all("alice"),
        privileged.sweep,
        lambda: each(privileged.events()),
        parameters,
        lambda: privileged.configure(max_timeout=60),
        used.now,
    )
    for call in calls:
        with pytest.raises(StoreClosed, match="closed"):
            await call()
    await used.close()


async def test_a_session_that_is_still_open_says_so_too(store: Any, world: World) -> None:
    session = await store.create("a", data={"n": 0})
    shared = await store.open("a", mode="shared")
    await store.close()
    session["n"] = 1
    shared["n"] = 2
    calls = (
        session.save, session.renew, session.close, session.discard, session.delete,
        shared.save, shared.close,
        session.list("l").count, session.longstring("l").read,
    )  # fmt: skip
    for call in calls:
        with pytest.raises(StoreClosed, match="closed"):
            await call()
    assert world.fields(session)["h"]


async def test_a_block_that_outlives_the_store_says_so(store: Any, world: World) -> None:
    async def outlives() -> None:
        async with store.open("a") as session:
            session["n"] = 1
            await store.close()

    other = await world.connect()
    await store.create("a", data={"n": 0}, open=False)
    with pytest.raises(StoreClosed):
        await outlives()
    left = await other.read("a")
    assert left["n"] == 0
    assert left.info.holder == store.label  # until its lease ends


async def test_the_error_that_leads_out_of_such_a_block_is_not_hidden(store: Any) -> None:
    async def fails() -> None:
        async with store.open("a"):
            await store.close()
            raise ZeroDivisionError

    await store.create("a", open=False)
    with pytest.raises(ZeroDivisionError):
        await fails()


@pytest.mark.slow
async def test_who_waits_in_line_when_the_store_closes_is_told(store: Any, world: World) -> None:
    other = await world.connect()
    held = await other.create("a")
    waiter = asyncio.ensure_future(opened(store, "a"))
    await until(lambda: world.waiting(held) == 1, "it is in line")
    await store.close()
    with pytest.raises(StoreClosed):
        await waiter
    await held.close()


async def opened(store: Any, id: str) -> None:
    await store.open(id, wait=60)


async def test_nothing_is_renewed_after_the_close(store: Any, world: World) -> None:
    other = await world.connect()
    await store.configure(lease=LEASE)
    await store.create("a")
    await store.close()
    await until(lambda: world.now() > world.lease_end(":a"), "the lease ends")
    await (await other.open("a", wait=0)).close()
