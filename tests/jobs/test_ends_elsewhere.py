"""Jobs whose session has moved to another bucket, as a sign-in moves it, end when it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import JobCancelled

if TYPE_CHECKING:
    from tests.jobs.support import Hand, Running
    from tests.support.worlds import World


async def moved(
    store: Any, jobs: Any, hand: Hand, world: World
) -> tuple[tuple[str, str], Any, Running]:
    """Return a session that has moved, and two jobs of it: one waits, one runs."""
    session = await store.create("a", owner="ann")
    await jobs.submit(session, "A.B")
    running = hand.start()
    waiting = await jobs.submit(session, "A.B")
    owners = (f"bob{number}" for number in range(99))
    owner = next(
        name for name in owners if world.keys.home(f"{name}:a").bucket is not running.key.bucket
    )
    await session.close(owner=owner)
    return ("a", owner), waiting, running


@pytest.mark.parametrize("how", ["delete", "delete when it is given back", "end all"])
async def test_they_end_with_the_call_that_ends_it(
    store: Any, jobs: Any, hand: Hand, world: World, how: str
) -> None:
    session, waiting, running = await moved(store, jobs, hand, world)
    if how == "end all":
        await store.end_all(session[1])
    elif how == "delete":
        await store.delete(*session)
    else:
        async with store.open(*session):
            assert not await store.delete(*session)
    assert await waiting.state == "cancelled"
    with pytest.raises(JobCancelled, match="session ended"):
        await waiting.result()
    state, cancel = world.raw.hmget(running.key.job, "s", "u")
    assert state == b"cancelled" or b"session ended" in cancel
    assert world.raw.smembers(f"{world.keys.home(':'.join(session[::-1])).bucket.tag}q") == set()
