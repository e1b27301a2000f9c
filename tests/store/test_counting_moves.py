"""Who counts and lists while sessions move sees each of them once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from sessionstore import SessionStoreError
from sessionstore._core import buckets
from sessionstore._core.operation import Flow
from tests.support.worlds import Client, World

OWNERS = ("alice", "*", "", "bob", "carol", "dave")
AT = 12
"""More steps than a count or a listing has here, with a step for each bucket."""


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets are read one after the other, so that others come in between."""
    monkeypatch.setattr("sessionstore._core.operation.AT_ONCE", 1)
    monkeypatch.setattr("sessionstore._core.listing.AT_ONCE", 1)


def moving(session: Any, owner: str, id: str | None = None) -> Flow[Any]:
    flow: Flow[Any] = session._closing(id, owner, None)
    return flow


def listing(store: Any, owner: str | None = None) -> Flow[list[buckets.Row]]:
    pager, rows = store._calls.listing(owner), []
    while page := (yield from pager.page()):
        rows += page
    return rows


def go(client: Client, steps: int) -> None:
    for _ in range(steps):
        client.goes()


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize("looks", ["count", "list"])
@pytest.mark.parametrize("to", OWNERS[1:])
async def test_one_that_moves_at_any_step_is_seen_once(
    store: Any, world: World, to: str, looks: str
) -> None:
    driver = world.driver()
    await store.create("stays", "alice", open=False)
    for before in range(6):
        for between in range(AT):
            session = await store.create("a", "alice")
            mover = Client(driver, moving(session, to))
            go(mover, before)
            looker = Client(
                driver, store._calls.count(None) if looks == "count" else listing(store)
            )
            go(looker, between)
            mover.ends()
            found = looker.ends()
            where = f"{before} steps, then {between}"
            if looks == "count":
                assert found == 2, where
            else:
                assert sorted(row.sid.partition(":")[2] for row in found) == ["a", "stays"], where
            await store.delete("a", to)


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize("looks", ["count", "list"])
@pytest.mark.parametrize("public", [False, True])
async def test_one_that_moves_again_and_again_is_seen_once(
    store: Any, world: World, looks: str, public: bool
) -> None:
    driver, ids = world.driver(), [f"a{number}" for number in range(7)]
    await store.create(ids[-1], "*", open=False)
    owner = "*" if public else None
    for between in range(6):
        looker = Client(
            driver, store._calls.count(owner) if looks == "count" else listing(store, owner)
        )
        go(looker, between)
        session = await store.open(ids[-1], "*")
        for id in ids:
            Client(driver, moving(session, "*", id)).ends()
            looker.goes()
            session = await store.open(id, "*")
        await session.close()
        found = looker.ends()
        assert found == 1 if looks == "count" else len(found) == 1


@pytest.mark.parametrize("owner", ["alice", "*", None])
async def test_what_moved_before_is_counted_where_it_is(store: Any, owner: str | None) -> None:
    for number, goes in enumerate([{"owner": "bob"}, {"owner": "*"}, {"id": "x"}, {"owner": ""}]):
        await (await store.create(f"a{number}", "alice")).close(**goes)
        await (await store.create(f"b{number}", "*")).close(
            **({"id": "y"} if "id" in goes else goes)
        )
    assert await store.count(owner) == len([info async for info in store.list(owner)])
    assert await store.count("") == 2


async def test_who_is_half_way_is_counted_and_gone_when_it_was_ended(
    store: Any, world: World
) -> None:
    driver = world.driver()
    mover = Client(driver, moving(await store.create("a", "alice"), "bob"))
    mover.comes_to("admit")
    assert await store.count() == 1
    # Long after that, no bucket remembers it.
    for bucket in world.keys.buckets:
        world.raw.unlink(f"{bucket.tag}l")
    world.age("bob:a", 11)
    assert await store.count() == 1
    assert await store.count("bob") == 1
    mover.ends()
    assert await store.count() == 1


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize("crowd", [100, 499, 500, 700, 1300])
async def test_one_that_moves_before_a_crowd_is_listed(
    store: Any, world: World, crowd: int
) -> None:
    """A bucket tells 500 moves at once."""
    owners = {world.keys.bucket_of(f"o{n}").name: f"o{n}" for n in range(100)}
    first, *_, unread, last = (owners[bucket.name] for bucket in world.keys.buckets)
    session = await store.create("a", last)
    looker = Client(world.driver(), listing(store))
    go(looker, 1)
    Client(world.driver(), moving(session, first)).ends()
    now = world.now()
    others = {f"> crowd{n:011} {unread}:c{n}": now + 1 for n in range(crowd)}
    world.raw.zadd(f"{world.keys.bucket_of(last).tag}l", others)
    assert [row.sid for row in looker.ends()] == [f"{first}:a"]


def time_goes_by(world: World, seconds: float) -> None:
    """Let so much time go by for a session at both of its homes, and for what buckets remember."""
    for sid in ("alice:a", "bob:a"):
        if world.fields(sid):
            world.age(sid, seconds)
    for bucket in world.keys.buckets:
        notes = f"{bucket.tag}l"
        for note in world.raw.zrange(notes, 0, -1):
            world.raw.zincrby(notes, -1000 * seconds, note)
        world.raw.zremrangebyscore(notes, "-inf", world.now() - 30_000)


async def sees_one(store: Any, world: World) -> None:
    """Look at once and later, as what is remembered comes to be old."""
    for _ in range(6):
        found = (await store.count(), len([info async for info in store.list()]))
        assert found == (1, 1)
        time_goes_by(world, 3)


@pytest.mark.parametrize("completed", [False, True])
@pytest.mark.parametrize("slow", [2, 7, 12, 17, 22, 40])
@pytest.mark.parametrize("stop", ["arrive", "retire", "admit"])
async def test_who_was_moved_late_is_seen_once(
    store: Any, world: World, stop: str, slow: float, completed: bool
) -> None:
    """Its mover was stopped, and goes on when the move has been completed, or takes so long."""
    await store.configure(lease=1 if completed else 100)
    mover = Client(world.driver(), moving(await store.create("a", "alice", timeout=900), "bob"))
    mover.comes_to(stop)
    if completed:
        time_goes_by(world, 1.1)
        assert await store.count() == 1
    time_goes_by(world, slow)
    with suppress(SessionStoreError):
        mover.ends()
    await sees_one(store, world)


@pytest.mark.parametrize("between", range(12))
@pytest.mark.parametrize("slow", [7, 12, 17, 22, 40])
@pytest.mark.usefixtures("one_by_one")
async def test_who_is_moved_late_is_counted_once_at_any_step(
    store: Any, world: World, slow: float, between: int
) -> None:
    mover = Client(world.driver(), moving(await store.create("a", "alice"), "bob"))
    mover.comes_to("admit")
    time_goes_by(world, slow)
    counting = Client(world.driver(), store._calls.count(None))
    go(counting, between)
    mover.ends()
    assert counting.ends() == 1


@pytest.mark.parametrize("to", ["bob", "*"])
async def test_who_was_deleted_while_it_moved_is_not_counted(
    store: Any, world: World, to: str
) -> None:
    """It has left, and is about to end where it goes; whose mover stops there changes nothing."""
    mover = Client(world.driver(), moving(await store.create("a", "alice"), to))
    mover.comes_to("retire")
    assert await store.delete("a", "alice") is False
    mover.comes_to("admit")
    assert await store.count() == 0
    assert [info async for info in store.list()] == []
    mover.ends()
    assert await store.count() == 0


async def test_a_crowd_that_moves_all_the_time_is_counted(store: Any, world: World) -> None:
    for number in range(20):
        await store.create(f"s{number}", f"o{number}", open=False)
    other, stop = await world.connect(), asyncio.Event()

    async def wander(id: str) -> None:
        owner, goes = "z", 0
        await other.create(id, owner, open=False)
        while not stop.is_set():
            session = await other.open(id, owner)
            owner, goes = OWNERS[goes % len(OWNERS)], goes + 1
            await session.close(owner=owner)

    wanderers = [asyncio.create_task(wander(f"w{number}")) for number in range(3)]
    while await store.count() < 23:
        pass
    try:
        for _ in range(20):
            assert await store.count() == 23
            seen = [info.id async for info in store.list()]
            assert len(seen) == len(set(seen))
    finally:
        stop.set()
        await asyncio.gather(*wanderers)
    assert await store.count() == len([info async for info in store.list()]) == 23
