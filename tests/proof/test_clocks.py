"""The one clock of a store is that of its server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import SessionEnded, SessionInUse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.worlds import World

HOURS = 5 * 3600


@pytest.fixture(params=[-HOURS, HOURS], ids=["behind", "ahead"])
def wrong_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An app server whose clock is wrong by hours, and that is somewhere else."""
    right, right_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: right() + request.param)
    monkeypatch.setattr(time, "time_ns", lambda: right_ns() + request.param * 10**9)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.delenv("TZ")
    time.tzset()


@pytest.mark.usefixtures("wrong_clock")
async def test_the_clock_and_the_time_zone_of_an_app_server_decide_nothing(
    store: Any, world: World
) -> None:
    if world.kind == "fake":
        pytest.skip("the server of fakeredis has the clock of the app server")
    session = await store.create(id="a", timeout=100)
    assert abs(session.created.timestamp() * 1000 - world.now()) < 60_000
    with pytest.raises(SessionInUse):
        await store.open("a", wait=0)
    await session.close()
    world.age(session, 99)
    await store.touch("a")
    world.age(session, 99)
    assert (await store.read("a")).id == "a"
    world.age(session, 2)
    with pytest.raises(SessionEnded):
        await store.open("a")


async def test_what_was_read_as_ended_stays_so_should_the_clock_be_put_back(
    store: Any, world: World
) -> None:
    await store.create(id="a", timeout=100, open=False)
    world.age(":a", 150)
    with pytest.raises(SessionEnded, match="timed out"):
        await store.read("a")
    assert world.fields(":a")["e"] == b"timed out"
    assert [event.kind async for event in store.events()] == ["created", "expired"]
