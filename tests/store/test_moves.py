"""A session gets another id or owner: one session before, one after, never none or two."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from sessionstore import (
    ConfigError,
    NotPermitted,
    QuotaExceeded,
    SessionEnded,
    SessionExists,
    SessionNotFound,
    SessionStoreError,
    StoreUnavailable,
)
from tests.support.worlds import World, run_until

TARGETS = {
    "renamed": ("a", "alice", {"id": "b"}),
    "given": ("a", "alice", {"owner": "bob"}),
    "renamed and given": ("a", "alice", {"id": "b", "owner": "bob"}),
    "made public": ("a", "alice", {"owner": "*"}),
    "made private": ("a", "*", {"owner": "alice"}),
    "signed in": (None, "", {"owner": "alice"}),
    "named at last": (None, "alice", {"id": "b"}),
    "made anonymous": ("a", "alice", {"owner": ""}),
}
MOVES = pytest.mark.parametrize("how", TARGETS)


async def ids(listing: Any) -> list[tuple[str, str]]:
    return [(info.owner, info.id) async for info in listing]


@MOVES
async def test_a_close_gives_another_id_or_owner(store: Any, how: str) -> None:
    id, owner, change = TARGETS[how]
    session = await store.create(
        id=id, owner=owner, timeout=77, lifetime=999, data={"n": 1, "x": 1}
    )
    old, created, fence = session.id, session.created, session.fence
    session["n"] = 2
    del session["x"]
    await session.close(**change)
    assert session.owner == change.get("owner", owner)
    assert session.id == change.get("id", session.id)
    assert not session.is_open
    moved = await store.open(session.id, owner=session.owner)
    assert dict(moved) == {"n": 2}
    assert (moved.created, moved.timeout.total_seconds()) == (created, 77)
    assert moved.fence > fence
    await moved.close()
    assert (await store.read(session.id, session.owner)).info.deadline > created
    assert await ids(store.list()) == [(session.owner, session.id)]
    assert await store.count() == await store.count(session.owner) == 1
    with pytest.raises((SessionEnded, SessionNotFound)) as caught:
        await store.open(old, owner=owner)
    assert getattr(caught.value, "reason", "moved") == "moved"


async def test_a_generated_id_gets_a_new_home_at_login(store: Any, world: World) -> None:
    session = await store.create(data={"cart": [1]})
    anonymous = session.id
    await session.close(owner="alice")
    assert session.id != anonymous
    assert session.id[:2] == world.keys.bucket_of("alice").name
    assert (await store.read(session.id, "alice"))["cart"] == [1]


async def test_a_move_may_change_the_timeout_too(store: Any) -> None:
    session = await store.create(id="a")
    await session.close(id="b", timeout=5)
    assert (await store.read("b")).info.timeout.total_seconds() == 5


async def test_the_same_id_and_owner_is_no_move(store: Any) -> None:
    session = await store.create(id="a", owner="alice")
    await session.close(id="a", owner="alice")
    assert [event.kind async for event in store.events()] == ["created"]


REFUSALS = {
    "taken": ({"id": "taken"}, SessionExists),
    "over the quota": ({"owner": "bob"}, QuotaExceeded),
    "no id": ({"id": ""}, ConfigError),
    "looks generated": ({"id": "AA.0123456789012345678901"}, ConfigError),
    "no owner": ({"owner": "{x}"}, ConfigError),
    "bad timeout": ({"timeout": -1}, ConfigError),
}


@pytest.mark.parametrize("why", REFUSALS)
async def test_if_it_is_refused_the_session_stays_open_and_unchanged(
    store: Any, world: World, why: str
) -> None:
    change, error = REFUSALS[why]
    await store.create(id="taken", owner="alice", open=False)
    await store.create(id="x", owner="bob", open=False)
    await store.configure(max_per_owner=1)
    session = await store.create(id="a", owner="*", data={"n": 1, "m": 1})
    session = session if why != "taken" else await _of_alice(store, session)
    sid, before = session.sid, world.fields(session)
    session["n"] = 2
    with pytest.raises(error):
        await session.close(**change)
    after = world.fields(session)
    assert (session.is_open, session.sid) == (True, sid)
    assert {name: after[name] for name in after if name != "n"} == {
        name: before[name] for name in before if name != "n"
    }
    await session.close()
    assert dict(await store.read(session.id, session.owner)) == {"n": 2, "m": 1}


async def _of_alice(store: Any, public: Any) -> Any:
    await public.delete()
    await store.configure(max_per_owner=None)
    return await store.create(id="a", owner="alice", data={"n": 1, "m": 1})


async def test_a_move_over_an_ended_name_is_allowed(store: Any) -> None:
    await (await store.create(id="b")).delete()
    await (await store.create(id="a", data={"n": 1})).close(id="b")
    assert (await store.read("b"))["n"] == 1


async def test_who_may_not_give_it_away_keeps_it(store: Any) -> None:
    session = await store.as_user("alice").create(id="a")
    with pytest.raises(NotPermitted):
        await session.close(owner="bob")
    assert session.is_open
    await session.close()


@pytest.mark.parametrize("linger", [0, 60])
async def test_a_delete_that_came_between_is_not_lost_with_the_tombstone(
    store: Any, world: World, leave: Any, linger: int
) -> None:
    await store.configure(linger=linger)
    session = await store.create(id="a", data={"n": 1})
    flow = crashing(store, session, {"id": "b"})
    leave(flow, 2)
    assert not await store.delete("a")
    leave(flow, 2)  # the old home is retired, and the mover is gone
    with suppress(SessionEnded, SessionNotFound):
        await store.open("a", wait=0)
    world.raw.persist(world.home(":b").session)
    old = world.home(":a").session
    if world.raw.pttl(old) <= linger * 1000:  # as after a minute
        world.raw.unlink(old)
    with pytest.raises((SessionEnded, SessionNotFound)):
        await store.read("b")


@pytest.mark.parametrize("ends", ["delete", "end_all", ""])
async def test_what_a_move_left_behind_stays_with_it_whoever_has_the_old_name_by_then(
    store: Any, world: World, leave: Any, ends: str
) -> None:
    session = await store.create(id="a", owner="ann", data={"n": 1})
    flow = crashing(store, session, {"id": "b"})
    leave(flow, 2)
    if ends == "delete":
        assert not await store.delete("a", owner="ann")
    elif ends == "end_all":
        assert await store.end_all("ann", reason="signed out") == 1
    leave(flow, 2)  # the old home is retired, and the mover is gone
    second = await store.create(id="a", owner="ann", data={"n": 2})
    other = crashing(store, second, {"id": "c"})
    leave(other, 2)
    assert not await store.delete("a", owner="ann")
    leave(other, 2)
    await store.create(id="a", owner="ann", data={"n": 3}, open=False)
    alive = []
    for id in ("a", "b", "c"):
        with suppress(SessionEnded, SessionNotFound):
            alive.append((await store.read(id, owner="ann"))["n"])
    assert alive == ([3] if ends else [3, 1])


async def test_a_pending_delete_wins_over_a_move(store: Any) -> None:
    session = await store.create(id="a")
    await store.delete("a")
    await session.close(id="b")
    assert await store.count() == 0
    with pytest.raises(SessionEnded, match="deleted"):
        await store.read("a")
    with pytest.raises(SessionNotFound):
        await store.read("b")


def crashing(store: Any, session: Any, change: dict[str, Any]) -> Any:
    """The flow by which a session moves, to be left half way."""
    return session._closing(change.get("id"), change.get("owner"), None)


async def finish(world: World, flow: Any) -> None:
    """Let a mover that was left half way wake up, and learn what became of its move."""
    driver = world.driver()
    try:
        step = flow.throw(StoreUnavailable("it was away for long"))
        while True:
            step = flow.send(driver._answer(step))
    except (StopIteration, SessionStoreError):
        pass


async def the_one(store: Any, world: World, homes: list[tuple[str, str]]) -> tuple[str, str]:
    """Return where the session is, by reading; AssertionError if it is not at one place."""
    found = []
    for id, owner in homes:
        try:
            assert (await store.read(id, owner))["n"] in (1, 2)
        except (SessionEnded, SessionNotFound):
            continue
        found.append((owner, id))
    assert len(found) == 1, found
    return found[0]


@pytest.fixture
def leave(world: World, runner: asyncio.Runner) -> Iterator[Callable[[Any, int], bool]]:
    """Takes some steps of a flow and leaves it there; True if that was before its end."""
    flows: list[Any] = []

    def leaving(flow: Any, steps: int) -> bool:
        flows.append(flow)
        return run_until(world.driver(), flow, steps)

    yield leaving
    for flow in flows:
        runner.run(finish(world, flow))


def lapse(world: World, sid: str) -> None:
    if world.lease_end(sid):
        world.lapse(sid)


@pytest.mark.parametrize("looks", ["read", "list", "count", "sweep", "open"])
@pytest.mark.parametrize("steps", range(1, 6))
@pytest.mark.parametrize("how", ["renamed", "given", "made public"])
async def test_a_crash_at_any_step_leaves_one_session(
    store: Any, world: World, leave: Any, how: str, steps: int, looks: str
) -> None:
    id, owner, change = TARGETS[how]
    session = await store.create(id=id, owner=owner, data={"n": 1})
    session["n"] = 2
    homes = [(id, owner), (change.get("id", id), change.get("owner", owner))]
    sid, flow = session.sid, crashing(store, session, change)
    leave(flow, steps)
    assert await store.count() == 1
    assert len(await ids(store.list())) == 1
    lapse(world, sid)

    match looks:
        case "list":
            assert len(await ids(store.list())) == 1
        case "count":
            assert await store.count() == 1
        case "sweep":
            assert await store.sweep() == 0
        case "open":
            for one in reversed(homes):
                with suppress(SessionEnded, SessionNotFound):
                    await (await store.open(*one, wait=0)).close()
    place = await the_one(store, world, homes)
    assert await ids(store.list()) == [place]
    assert await store.count() == await store.count(place[0]) == 1

    await finish(world, flow)  # it was only slow, and goes on
    assert await the_one(store, world, homes) == place
    assert await ids(store.list()) == [place]
    async with store.open(place[1], place[0]) as again:
        again["n"] = 2
    assert await store.count() == 1


@pytest.mark.parametrize("steps", range(1, 6))
async def test_a_crashed_move_keeps_to_the_limits(
    store: Any, world: World, leave: Any, steps: int
) -> None:
    await store.configure(max_private=1, max_per_owner=1)
    session = await store.create(id="a", owner="alice", data={"n": 1})
    leave(crashing(store, session, {"owner": "bob"}), steps)
    lapse(world, "alice:a")
    with pytest.raises(QuotaExceeded):
        await store.create(id="more", owner="carol")
    owner, id = await the_one(store, world, [("a", "alice"), ("a", "bob")])
    assert await store.delete(id, owner)
    # A seat that was taken for the new home, and not used, is looked at after half a minute.
    fresh = world.keys.pool("private").fresh
    for seat in world.raw.zrange(fresh, 0, -1):
        world.raw.zadd(fresh, {seat: 1})
    await store.create(id="more", owner="carol", open=False)
    assert await store.count() == 1
