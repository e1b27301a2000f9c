"""What a caller submits by name alone is done as its worker has declared it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionstore._core.jobs import declaring
from sessionstore.jobs import _orders as orders

if TYPE_CHECKING:
    from tests.jobs.support import Hand
    from tests.support.worlds import World

ELSEWHERE = "Tests.Unheard"
"""A job whose code a worker has; here it is not known."""

DECLARED = {"q": "letters", "r": "oc", "e": 2000, "v": 60_000}


@pytest.fixture
def declared(world: World) -> None:
    world.driver().do(declaring.declare(world.keys, ELSEWHERE, DECLARED))


async def test_it_waits_where_its_engine_says(
    store: Any, jobs: Any, hand: Hand, declared: None
) -> None:
    job = await jobs.submit(await store.create("a"), ELSEWHERE, rows=1)
    assert (await job.info()).queue == "letters"
    assert hand.start(name="letters").id == job.id


async def test_what_its_caller_says_goes_first(
    store: Any, jobs: Any, world: World, declared: None
) -> None:
    job = await jobs.submit(await store.create("a"), ELSEWHERE, queue="post", priority=0, keep=30)
    assert (await job.info()).queue == "post"
    found = world.raw.hmget(f"{{{world.prefix}:{job.id[:2]}}}j:{job.id}", "e", "v", "r")
    assert found == [b"0", b"30000", b"oc"]


async def test_a_queued_job_survives_a_logout_if_its_engine_says_so(
    store: Any, jobs: Any, declared: None
) -> None:
    await (await store.create("a")).close()
    job = await jobs.submit("a", ELSEWHERE)
    await store.delete("a")
    assert await job.state == "queued"
    await store.create("b")
    await jobs.adopt(job.id, "b")


async def test_a_job_that_nobody_has_declared_waits_in_the_default_queue(
    store: Any, jobs: Any, hand: Hand
) -> None:
    job = await jobs.submit(await store.create("a"), ELSEWHERE)
    assert hand.start().id == job.id


async def test_what_is_declared_anew_holds_from_then_on(
    store: Any, jobs: Any, world: World, declared: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "HOLDS", 0)
    session = await store.create("a")
    await jobs.submit(session, ELSEWHERE)
    world.driver().do(declaring.declare(world.keys, ELSEWHERE, {"q": "other"}))
    job = await jobs.submit(session, ELSEWHERE)
    assert (await job.info()).queue == "other"
