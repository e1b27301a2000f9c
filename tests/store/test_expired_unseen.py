"""The end of a session whose key expired before anybody looked is told once, and to its owner."""

from __future__ import annotations

from typing import Any

import pytest

from sessionstore import QuotaExceeded, SessionEnded
from tests.support.worlds import World

LONG = 5000
"""Seconds after which no key is left of a session that nobody uses."""

OWNERS = ("", "*", "alice", "al%3A:ice%25")
looks = pytest.mark.parametrize("looks", ["sweep", "limit", "end_all", "evict", "name"])


async def told(store: Any, id: str) -> list[tuple[str, str, str]]:
    events = [event async for event in store.events() if event.id == id]
    return [(event.kind, event.owner, event.reason) for event in events]


def ends(owner: str) -> list[tuple[str, str, str]]:
    return [("created", owner, ""), ("expired", owner, "timed out")]


async def expired(store: Any, world: World, id: str | None, owner: str) -> Any:
    session = await store.create(id=id, owner=owner, open=False)
    world.age(session, LONG)
    assert not world.fields(session)
    return session


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("named", [True, False], ids=["named", "generated"])
async def test_a_sweep_tells_whose_it_was(
    store: Any, world: World, owner: str, named: bool
) -> None:
    gone = await expired(store, world, "gone" if named else None, owner)
    assert await store.sweep() == 1
    assert await store.sweep() == 0
    assert await told(store, gone.id) == ends(owner)
    view = store.as_user("carol" if owner in ("", "*") else owner)
    assert await told(view, gone.id) == (ends(owner) if owner else [])


@looks
async def test_it_is_told_once_whoever_looks_first_and_next(
    store: Any, world: World, looks: str
) -> None:
    await store.create(id="stays", owner="alice", open=False)
    gone = await expired(store, world, "gone", "alice")
    owned = gone._home.bucket.owned("alice")
    again = ends("alice")
    match looks:
        case "sweep":
            assert await store.sweep() == 1
        case "limit":
            await store.configure(max_per_owner=2)
            await store.create(id="more", owner="alice", open=False)
        case "evict":
            await store.configure(max_per_owner=1, at_limit="evict")
            await store.create(id="more", owner="alice", open=False)
        case "end_all":
            assert await store.end_all("alice", keep="stays") == 0
        case "name":
            await store.create(id="gone", owner="alice", open=False)
            again = [*again, ("created", "alice", "")]
    assert await told(store, "gone") == again
    assert (world.raw.zscore(owned, gone.sid) is not None) == (looks == "name")
    await store.sweep()
    await store.configure(max_per_owner=1)
    if looks != "evict":
        with pytest.raises(QuotaExceeded):
            await store.create(id="third", owner="alice", open=False)
    await store.end_all("alice", keep="gone" if looks == "name" else None)
    assert await told(store, "gone") == again


async def test_a_name_in_use_again_by_a_move_is_told_of_its_end_first(
    store: Any, world: World
) -> None:
    await expired(store, world, "gone", "alice")
    await (await store.create(id="a", owner="alice")).close(id="gone")
    assert await told(store, "gone") == [*ends("alice"), ("created", "alice", "moved")]


async def test_the_seat_of_one_whose_name_is_in_use_again_is_free(store: Any, world: World) -> None:
    await store.configure(max_private=2)
    await expired(store, world, "gone", "alice")
    await store.create(id="gone", owner="alice", open=False)
    await store.create(id="more", owner="alice", open=False)
    with pytest.raises(QuotaExceeded):
        await store.create(id="third", owner="alice", open=False)


async def test_the_owners_own_look_tells_whose_it_was_when_its_beginning_is_forgotten(
    store: Any, world: World
) -> None:
    gone = await expired(store, world, None, "alice")
    world.raw.delete(gone._home.bucket.events)
    await store.end_all("alice")
    assert await told(store.as_user("alice"), gone.id) == ends("alice")[1:]
    assert await store.sweep() == 0
    assert len(await told(store, gone.id)) == 1


async def test_one_of_whom_nobody_knows_the_owner_is_told_once_without(
    store: Any, world: World
) -> None:
    await store.create(id="stays", owner="alice", open=False)
    gone = await expired(store, world, None, "alice")
    world.raw.delete(gone._home.bucket.events)
    assert await store.sweep() == 1
    await store.end_all("alice", keep="stays")
    assert await told(store, gone.id) == [("expired", "", "timed out")]
    assert world.raw.zscore(gone._home.bucket.owned("alice"), gone.sid) is None


@pytest.mark.parametrize("lease", [0.1, 60])
async def test_who_sweeps_once_a_minute_comes_by_each_session(
    store: Any, world: World, lease: float
) -> None:
    """And be a sweep left out."""
    await store.configure(linger=0, lease=lease)
    closed = await store.create(owner="alice", timeout=0.5, open=False)
    held = await store.create(owner="alice", timeout=0.5, lifetime=100)
    for session in (closed, held):
        over = 0.5 if session is closed else min(100, lease + 0.5)
        assert world.raw.pttl(world.home(session).session) / 1000 > over + 119


@pytest.mark.parametrize("call", ["save", "close", "delete", "move"])
async def test_its_holder_is_told_that_it_has_ended(store: Any, world: World, call: str) -> None:
    """Not that there is no such session, which would be to create it first."""
    session = await store.create(id="gone", owner="alice", data={"n": 1})
    session["n"] = 2
    world.age(session, LONG)
    assert not world.fields(session)
    with pytest.raises(SessionEnded, match="timed out"):
        await (session.close(id="b") if call == "move" else getattr(session, call)())
