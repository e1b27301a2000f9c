"""What happens to sessions is told once, in order, and a reader can go on where it was."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

import pytest

from sessionstore import ConfigError, SessionEnded, SessionStoreError
from sessionstore._core import moves, sessions
from sessionstore._core.keys import ticket
from sessionstore._core.records import Facts
from sessionstore._core.sessions import ANY, Changes
from tests.support.worlds import Client, World


async def told(events: Any) -> list[tuple[str, str, str, str]]:
    return [(event.kind, event.id, event.owner, event.reason) async for event in events]


async def test_each_kind_of_end_is_told_with_its_reason(store: Any, world: World) -> None:
    await store.configure(max_per_owner=5, at_limit="evict")
    for id in ("deleted", "signed out", "timed out", "lifetime", "evicted"):
        await store.create(id=id, owner="alice", open=False, timeout=900, lifetime=5000)
    await store.delete("deleted", owner="alice")
    world.age("alice:timed out", 1000)
    world.raw.hset(world.home("alice:lifetime").session, "l", world.now() - 1)
    world.raw.zadd(world.home("alice:lifetime").bucket.index, {"alice:lifetime": 1})
    await store.sweep()
    await store.configure(max_per_owner=2)
    world.age("alice:evicted", 10)
    await store.create(id="last", owner="alice", open=False)
    await store.end_all("alice", keep="last")
    ends = {id: (kind, reason) for kind, id, _, reason in await told(store.events()) if reason}
    assert ends == {
        "deleted": ("ended", "deleted"),
        "timed out": ("expired", "timed out"),
        "lifetime": ("expired", "lifetime"),
        "evicted": ("evicted", "evicted"),
        "signed out": ("ended", "signed out"),
    }


RESERVED = ("deleted", "timed out", "lifetime", "evicted", "moved")


@pytest.mark.parametrize("reason", RESERVED)
async def test_nobody_may_give_a_reason_of_the_store_for_an_end(store: Any, reason: str) -> None:
    await store.create(id="a", owner="alice", open=False)
    with pytest.raises(ConfigError, match=reason):
        await store.end_all("alice", reason=reason)
    assert await store.count("alice") == 1
    assert await store.end_all("alice", reason=f"{reason} by root") == 1


ENDS = (
    "at once",
    "at the close",
    "at the end of the lease",
    "when its caller is gone",
    "by a sweep",
)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("reason", ["moved", "lifetime", "evicted"])
async def test_the_kind_of_an_end_does_not_follow_from_the_words_of_a_caller(
    store: Any, world: World, reason: str, end: str
) -> None:
    session = await store.create(id="a", owner="alice", open=end != "at once")
    home = world.home("alice:a")
    deleting = sessions.delete(home, ticket(), "forger", ANY, reason=reason)
    assert world.driver().do(deleting) == ([] if end == "at once" else None)
    if end == "at the close":
        await session.close()
    elif end == "when its caller is gone":
        world.driver().do(sessions.abandon(home, world.fields(session)["h"][14:30].decode()))
    elif end != "at once":
        world.lapse(session)
        if end == "by a sweep":
            assert await store.sweep() == 1
        else:
            with pytest.raises(SessionEnded):
                await store.touch("a", owner="alice")
    *_, (kind, _, _, why) = await told(store.events())
    assert (kind, why) == ("ended", reason)


async def test_the_kind_of_an_end_at_a_move_does_not_follow_from_words(
    store: Any, world: World
) -> None:
    session = await store.create(id="a", owner="alice")
    driver, target, mover = world.driver(), world.home("alice:b"), ticket()
    taken = driver.do(
        sessions.save(session._home, session.fence, 1, Changes(), f"> {mover} {target.sid}")
    )
    driver.do(moves.arrive(target, mover, session.sid, "alice", Facts(taken), Changes(), seat=""))
    driver.do(sessions.delete(session._home, ticket(), "forger", ANY, reason="moved"))
    retired = driver.do(moves.retire(session._home, mover, session.fence, target))
    assert isinstance(retired, moves.Retired)
    assert driver.do(moves.admit(target, mover, retired)) is None
    kinds = [kind for kind, id, *_ in await told(store.events()) if id == "b"]
    assert kinds == ["created", "ended"]


@pytest.mark.parametrize("ends", ["delete", "end_all"])
@pytest.mark.parametrize("step", ["arrive", "retire"])
@pytest.mark.parametrize("owner", ["alice", "bob"])
async def test_what_ends_while_it_moves_has_a_beginning_and_an_end_at_each_place(
    store: Any, world: World, owner: str, step: str, ends: str
) -> None:
    session = await store.create(id="a", owner="alice")
    mover = Client(world.driver(), session._closing("b", owner, None))
    mover.comes_to(step)
    if ends == "delete":
        await store.delete("a", owner="alice")
    else:
        await store.end_all("alice", reason="deleted by root")
    with suppress(SessionStoreError):
        mover.ends()
    assert await store.count() == 0
    found = [(kind, reason) for kind, id, _, reason in await told(store.events()) if id == "b"]
    why = "deleted" if ends == "delete" else "deleted by root"
    assert found == [("created", "moved"), ("ended", why)]


async def test_what_never_arrived_before_its_key_expired_is_told_where_it_came_from(
    store: Any, world: World
) -> None:
    session = await store.create(id="a", owner="alice")
    mover = Client(world.driver(), session._closing("b", "bob", None))
    mover.comes_to("retire")
    for home in map(world.home, (session, "bob:b")):
        world.age(home.sid, 9000)
        assert not world.raw.exists(home.session)
    await store.sweep()
    with suppress(SessionStoreError):
        mover.ends()
    await store.sweep()
    kinds = [(id, kind) for kind, id, *_ in await told(store.events())]
    assert kinds == [("a", "created"), ("a", "expired")]


async def test_an_event_says_what_whose_and_when(store: Any, world: World) -> None:
    session = await store.create(id="a:b", owner="al%ice:x", open=False)
    (event,) = [event async for event in store.events()]
    assert (event.kind, event.id, event.sid) == ("created", "a:b", session.sid)
    assert (event.owner, event.reason) == ("al%ice:x", "")
    assert abs((event.at - session.created).total_seconds()) < 1


async def test_a_move_is_told_at_both_places(store: Any) -> None:
    await (await store.create(id="a", owner="alice")).close(id="b", owner="bob")
    events = sorted(await told(store.events()))
    assert events == [
        ("created", "a", "alice", ""),
        ("created", "b", "bob", "moved"),
        ("moved", "a", "alice", "moved"),
    ]


async def test_opening_closing_and_reading_are_no_events(store: Any) -> None:
    await store.create(id="a", open=False)
    await (await store.open("a")).close()
    await store.touch("a")
    await store.open("a", mode="read")
    assert [kind for kind, *_ in await told(store.events())] == ["created"]


async def test_a_cursor_goes_on_exactly_after_the_last_event(store: Any) -> None:
    for n in range(6):
        await store.create(id=f"n{n}", open=False)
    whole = [id for _, id, _, _ in await told(store.events())]
    assert sorted(whole) == [f"n{n}" for n in range(6)]
    seen: list[str] = []
    cursor = None
    for _ in range(6):
        events = store.events(since=cursor)
        async for event in events:
            seen.append(event.id)
            break
        cursor = events.cursor
    assert seen == whole
    events = store.events(since=cursor)
    assert await told(events) == []
    await store.create(id="later", open=False)
    assert [id for _, id, _, _ in await told(store.events(since=cursor))] == ["later"]
    assert [id for _, id, _, _ in await told(store.events(since=events.cursor))] == ["later"]


async def test_events_beyond_a_page_are_all_read(store: Any) -> None:
    for n in range(130):
        await store.create(id=f"n{n}", owner="alice", open=False)
    assert [id for _, id, _, _ in await told(store.events())] == [f"n{n}" for n in range(130)]


async def test_the_stream_is_capped(store: Any, world: World) -> None:
    await store.configure(max_events=50)
    for n in range(300):
        await store.create(id=f"n{n}", owner="alice", open=False)
    kept = await told(store.events())
    assert 50 <= len(kept) <= 150
    assert kept[-1][1] == "n299"


CURSORS = ["", "x", "é", "AAAA", "!!!!"] + [
    base64.urlsafe_b64encode(text.encode()).decode()
    for text in (
        "[1]",
        "5",
        '{"AA":5}',
        '{"AA":"x"}',
        '{"AA":"' + "9" * 30 + '-1"}',
        '{"AA":"5--3"}',
    )
]


@pytest.mark.parametrize("cursor", CURSORS, ids=range(len(CURSORS)))
async def test_what_is_no_cursor_is_refused(store: Any, cursor: str) -> None:
    await store.create(id="a", owner="alice", open=False)
    with pytest.raises(ConfigError, match="cursor"):
        await told(store.events(since=cursor))
