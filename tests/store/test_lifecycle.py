"""A session is made, opened, changed, closed and ended, and says at each point what it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sessionstore import SessionEnded, SessionNotFound, SessionNotOpen
from tests.support.worlds import World

HOUR = timedelta(hours=1)


async def ids(listing: Any) -> list[str]:
    return sorted([info.id async for info in listing])


async def test_what_was_put_in_is_there_at_the_next_open(store: Any) -> None:
    async with await store.create(id="a", data={"n": 1, "gone": True}) as session:
        session["cart"] = ["tea"]
        del session["gone"]
    async with store.open("a") as session:
        assert dict(session) == {"n": 1, "cart": ["tea"]}


async def test_a_session_tells_what_it_is(store: Any, world: World) -> None:
    session = await store.create(id="a", owner="alice", timeout=60, lifetime=HOUR)
    assert (session.id, session.owner, session.sid) == ("a", "alice", "alice:a")
    assert session.timeout == timedelta(minutes=1)
    assert session.holder == store.label
    assert session.is_open
    assert session.mode == "exclusive"
    assert abs(session.created.timestamp() * 1000 - world.now()) < 10_000
    assert session.created <= session.last_activity < session.deadline
    assert session.deadline - session.created == timedelta(seconds=30 + 60)
    await session.close()
    assert not session.is_open


async def test_the_lifetime_caps_the_deadline(store: Any) -> None:
    session = await store.create(lifetime=5)
    assert session.deadline - session.created == timedelta(seconds=5)


async def test_a_session_made_closed_can_be_looked_at_only(store: Any) -> None:
    session = await store.create(id="a", data={"n": 1}, open=False)
    assert session["n"] == 1
    assert not session.is_open
    with pytest.raises(SessionNotOpen):
        session["n"] = 2
    with pytest.raises(SessionNotOpen):
        await session.save()
    await (await store.open("a")).close()


async def test_the_deadline_of_a_session_made_closed_is_its_timeout_from_now(store: Any) -> None:
    session = await store.create(timeout=60, open=False)
    assert session.deadline - session.created == timedelta(seconds=60)


async def test_closing_twice_does_nothing(store: Any) -> None:
    session = await store.create(id="a")
    await session.close()
    await session.close()
    async with store.open("a") as other:
        await session.close()
        assert other.is_open
        await other.save()


async def test_a_closed_session_refuses_use(store: Any) -> None:
    session = await store.create(id="a", data={"n": 1})
    await session.close()
    for call in (session.save, session.renew, session.delete):
        with pytest.raises(SessionNotOpen):
            await call()
    with pytest.raises(SessionNotOpen):
        session["n"] = 2
    with pytest.raises(SessionNotOpen):
        del session["n"]
    with pytest.raises(SessionNotOpen):
        await session.close(timeout=5)


async def test_an_exception_in_the_block_gives_it_back_without_saving(store: Any) -> None:
    session = await store.create(id="a", data={"n": 1})

    async def visit() -> None:
        async with session:
            session["n"] = 2
            await session.save()
            session["n"] = 3
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await visit()
    assert not session.is_open
    async with store.open("a") as session:
        assert session["n"] == 2


async def test_discard_gives_it_back_without_saving(store: Any) -> None:
    session = await store.create(id="a", data={"n": 1})
    session["n"] = 2
    await session.discard()
    async with store.open("a") as session:
        assert session["n"] == 1


async def test_save_lands_while_it_stays_open(store: Any) -> None:
    session = await store.create(id="a")
    for n in range(3):
        session["n"] = n
        await session.save()
        assert (await store.read("a"))["n"] == n
    assert (await store.read("a")).info.holder == store.label
    await session.close()


async def test_read_shows_a_snapshot_and_its_facts(store: Any) -> None:
    session = await store.create(id="a", owner="alice", data={"n": 1}, timeout=60)
    seen = await store.read("a", owner="alice")
    assert dict(seen) == {"n": 1}
    assert (seen.id, seen.owner) == ("a", "alice")
    assert seen.info.holder == store.label
    assert seen.info.held_until is not None
    assert seen.info.fence == session.fence
    await session.close()
    seen = await store.read("a", owner="alice")
    assert seen.info.holder is None
    assert seen.info.held_until is None
    assert seen.info.deadline - seen.info.last_activity == timedelta(minutes=1)


async def test_reading_is_not_activity_and_touching_is(store: Any, world: World) -> None:
    await store.create(id="a", open=False)
    world.age(":a", 100)
    before = (await store.read("a")).info
    assert (await store.read("a")).info.last_activity == before.last_activity
    await store.touch("a")
    after = (await store.read("a")).info
    assert after.last_activity - before.last_activity > timedelta(seconds=99)
    assert after.deadline - after.last_activity == after.timeout


async def test_touching_an_open_session_changes_nothing(store: Any, world: World) -> None:
    session = await store.create(id="a")
    before = world.fields(":a")
    await store.touch("a")
    assert world.fields(":a") == before
    await session.close()


async def test_a_deleted_session_is_gone_from_everywhere(store: Any, world: World) -> None:
    await store.create(id="a", owner="alice", open=False)
    assert await store.delete("a", owner="alice") is True
    assert await store.count() == 0
    assert await ids(store.list()) == []
    with pytest.raises(SessionEnded) as caught:
        await store.read("a", owner="alice")
    assert caught.value.reason == "deleted"
    assert not [name for name in world.names() if "s:" in name and "alice" not in name]


async def test_what_never_was_is_not_found(store: Any) -> None:
    generated = (await store.create(open=False)).id
    for id in ("nobody", generated[:3] + "x" * 22, "zz" + generated[2:]):
        for call in (store.read, store.touch, store.delete):
            with pytest.raises(SessionNotFound):
                await call(id)
        with pytest.raises(SessionNotFound):
            await store.open(id)


async def test_listing_is_by_owner_and_pattern(store: Any) -> None:
    for owner, id in [("alice", "a1"), ("alice", "a2"), ("bob", "b1"), ("*", "p1"), ("", "v[1]")]:
        await store.create(id=id, owner=owner, open=False)
    assert await ids(store.list()) == ["a1", "a2", "b1", "p1", "v[1]"]
    assert await ids(store.list("alice")) == ["a1", "a2"]
    assert await ids(store.list("*")) == ["p1"]
    assert await ids(store.list("")) == ["v[1]"]
    assert await ids(store.list("nobody")) == []
    assert await ids(store.list(pattern="a*")) == ["a1", "a2"]
    assert await ids(store.list(pattern="?1")) == ["a1", "b1", "p1"]
    assert await ids(store.list(pattern="v[1]")) == ["v[1]"]
    assert await store.count() == 5
    assert await store.count("alice") == 2
    assert await store.count("*") == await store.count("") == await store.count("bob") == 1
    assert await store.count("nobody") == 0


async def test_a_listing_longer_than_a_page_is_whole(store: Any) -> None:
    expected = sorted(f"n{number:03}" for number in range(250))
    for id in expected:
        await store.create(id=id, owner="alice", open=False)
    assert sorted(set(await ids(store.list("alice")))) == expected
    assert await store.count("alice") == len(expected)


async def test_end_all_ends_what_an_owner_has_but_one(store: Any) -> None:
    for id in ("a", "b", "kept"):
        await store.create(id=id, owner="alice", open=False)
    held = await store.create(id="held", owner="alice")
    await store.create(id="c", owner="bob", open=False)
    assert await store.end_all("alice", keep="kept", reason="banned") == 3
    assert await ids(store.list("alice")) == ["held", "kept"]
    await held.close()
    assert await ids(store.list("alice")) == ["kept"]
    for id in ("a", "b", "held"):
        with pytest.raises(SessionEnded, match="banned"):
            await store.open(id, owner="alice")
    assert await store.count("bob") == 1


async def test_end_all_spares_a_kept_generated_id(store: Any) -> None:
    kept = await store.create(owner="alice", open=False)
    await store.create(owner="alice", open=False)
    assert await store.end_all("alice", keep=kept.id) == 1
    assert await ids(store.list("alice")) == [kept.id]


async def test_a_sweep_ends_what_is_due_and_only_that(store: Any, world: World) -> None:
    await store.create(id="due", owner="alice", timeout=60, open=False)
    await store.create(id="alive", owner="alice", timeout=600, open=False)
    for sid in ("alice:due", "alice:alive"):
        world.age(sid, 100)
    assert await store.sweep() == 1
    assert await store.sweep() == 0
    assert await ids(store.list()) == ["alive"]
    assert "e" in world.fields("alice:due")


async def test_a_sweep_goes_through_more_than_a_page(store: Any, world: World) -> None:
    for number in range(120):
        await store.create(id=f"n{number}", owner="alice", open=False)
        world.raw.hset(world.home(f"alice:n{number}").session, "a", 1)
    world.raw.zadd(world.home("alice:n0").bucket.index, {f"alice:n{n}": 5 for n in range(120)})
    assert await store.sweep() == 120
    assert world.raw.zcard(world.home("alice:n0").bucket.index) == 0


async def test_an_ended_name_can_be_taken_again(store: Any) -> None:
    first = await store.create(id="a", data={"old": 1})
    await first.delete()
    async with await store.create(id="a", data={"new": 1}) as second:
        assert dict(second) == {"new": 1}
        assert second.fence > first.fence
