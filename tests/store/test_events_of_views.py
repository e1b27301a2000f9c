"""A view without privilege is told of what happened to its own and to public sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.worlds import World


async def all_of(found: AsyncIterator[Any]) -> list[Any]:
    return [one async for one in found]


async def test_every_kind_of_event_is_left_out_that_is_of_others(store: Any, world: World) -> None:
    await store.configure(max_per_owner=2, at_limit="evict")
    for owner in ("bob", "alice"):
        for id in ("deleted", "timed out", "lost"):
            await store.create(id=id, owner=owner, open=id == "lost", lifetime=5000)
            if id == "deleted":
                await store.delete(id, owner)
        world.age(f"{owner}:timed out", 1000)
        world.lapse(f"{owner}:lost")
        await store.touch("lost", owner)
        await store.sweep()
        world.age(f"{owner}:lost", 10)
        for id in ("one", "two"):
            await store.create(id=id, owner=owner, open=False)
    told = [(event.kind, event.owner) for event in await all_of(store.events())]
    for owner in ("alice", "bob"):
        kinds = {kind for kind, whose in told if whose == owner}
        assert kinds == {"created", "ended", "expired", "lease lost", "evicted"}
        seen = [(event.kind, event.owner) for event in await all_of(store.as_user(owner).events())]
        assert sorted(seen) == sorted(pair for pair in told if pair[1] == owner)


@pytest.mark.parametrize("named", [True, False], ids=["named", "generated"])
async def test_of_a_move_each_owner_sees_its_own_side(store: Any, named: bool) -> None:
    """Not where it went, and not where it came from."""
    session = await store.create(id="a" if named else None, owner="alice", data={"n": 1})
    old = session.id
    await session.close(owner="bob")
    new = session.id
    for user, seen, unseen in [
        ("alice", [("created", old), ("moved", old)], new),
        ("bob", [("created", new)], old),
    ]:
        events = await all_of(store.as_user(user).events())
        assert sorted((event.kind, event.id) for event in events) == sorted(seen)
        if not named:
            assert unseen not in " ".join(f"{e.id} {e.sid} {e.owner} {e.reason}" for e in events)
    carol = store.as_user("carol")
    assert await all_of(carol.events()) == []
    await (await store.open(new, "bob")).close(owner="*")
    assert [event.kind for event in await all_of(carol.events())] == ["created"]


async def test_a_reader_goes_past_what_it_may_not_see_once(store: Any, world: World) -> None:
    for number in range(250):
        await store.create(id=f"b{number}", owner="bob", open=False)
    alice = store.as_user("alice")
    for number in range(2):
        await store.create(id=f"a{number}", owner="alice", open=False)
    await store.configure(max_events=1000)
    with world.wire(store) as sent:
        events = alice.events()
        assert [event.id for event in await all_of(events)] == ["a0", "a1"]
    assert len(sent) >= len(world.keys.buckets) + 1  # more than one page of bob's
    cursor = events.cursor
    with world.wire(store) as sent:
        assert await all_of(alice.events(since=cursor)) == []
    assert len(sent) == len(world.keys.buckets)
    await store.create(id="b", owner="bob", open=False)
    await store.create(id="a", owner="alice", open=False)
    assert [event.id for event in await all_of(alice.events(since=cursor))] == ["a"]


async def test_a_reader_stops_anywhere_between_what_it_may_see(store: Any) -> None:
    for number in range(8):
        await store.create(id=f"b{number}", owner="bob", open=False)
        await store.create(id=f"p{number}", owner="*", open=False)
        await store.create(id=f"a{number}", owner="alice", open=False)
    alice = store.as_user("alice")
    seen: list[str] = []
    cursor = None
    for _ in range(16):
        events = alice.events(since=cursor)
        async for event in events:
            seen.append(event.id)
            break
        cursor = events.cursor
    assert sorted(seen) == sorted(f"{who}{number}" for number in range(8) for who in "ap")
    assert await all_of(alice.events(since=cursor)) == []
