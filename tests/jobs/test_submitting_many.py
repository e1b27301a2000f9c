"""Jobs that are submitted together: all or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import ConfigError, JobRefused, SessionEnded, SessionNotFound
from sessionstore.jobs import Engine
from tests.support.wait import until

if TYPE_CHECKING:
    from tests.jobs.support import Hand
    from tests.support.worlds import World

engine = Engine("Mill", queue="mill")


@engine.job("Grind")
async def grind(job: Any, rows: int) -> None: ...


async def ids_of(jobs: Any, *asked: Any, **which: Any) -> set[str]:
    return {info.id async for info in jobs.list(*asked, **which)}


async def test_they_are_there_in_the_order_of_their_parameters(
    store: Any, jobs: Any, hand: Hand
) -> None:
    session = await store.create("a", owner="ann")
    submitted = await jobs.submit_many(session, "Mill.Grind", ({"rows": n} for n in range(100)))
    running = hand.take(name="mill")
    assert [one.id for one in running] == [job.id for job in submitted]
    assert [one.job.fields[b"p"][-1] for one in running] == list(range(100))
    for one in running:
        one.finish(value=one.id)
    assert [await job.result() for job in submitted[:3]] == [job.id for job in submitted[:3]]


async def test_their_first_events_are_in_order(store: Any, jobs: Any, hand: Hand) -> None:
    heard: list[tuple[str, str]] = []
    session = await store.create("a")
    sink = await jobs.sink(session, lambda kind, body, data, event: heard.append((kind, event.job)))
    submitted = await jobs.submit_many(session, "A.B", [{}] * 5)
    await until(lambda: len(heard) == 5, "all were told")
    await sink.close()
    assert heard == [("queued", job.id) for job in submitted]


async def test_none_is_submitted_if_so_many_more_must_not_live(store: Any, jobs: Any) -> None:
    await store.configure(max_jobs=10)
    session = await store.create("a")
    await jobs.submit(session, "A.B")
    with pytest.raises(JobRefused) as refused:
        await jobs.submit_many(session, "A.B", [{}] * 10)
    assert (refused.value.limit, refused.value.value) == ("session", 10)
    assert len(await ids_of(jobs, session)) == 1
    assert len(await jobs.submit_many(session, "A.B", [{}] * 9)) == 9


async def test_none_is_left_if_their_queue_takes_fewer(store: Any, jobs: Any, hand: Hand) -> None:
    await jobs.configure_queue("default", max_waiting=3)
    session = await store.create("a")
    with pytest.raises(JobRefused, match="queue"):
        await jobs.submit_many(session, "A.B", [{}] * 4)
    assert await ids_of(jobs, session, state="queued") == set()
    assert hand.take() == []
    assert len(await jobs.submit_many(session, "A.B", [{}] * 3)) == 3


async def test_one_that_does_not_fit_keeps_all_from_being_submitted(store: Any, jobs: Any) -> None:
    session = await store.create("a")
    with pytest.raises(JobRefused, match="rows"):
        await jobs.submit_many(session, "Mill.Grind", [{"rows": 1}, {"rows": "x"}])
    with pytest.raises(JobRefused, match="bytes"):
        await jobs.submit_many(session, "A.B", [{"x": "y" * 100_000}] * 3)
    with pytest.raises(JobRefused, match="more than 100"):
        await jobs.submit_many(session, "A.B", [{}] * 101)
    with pytest.raises(ConfigError, match="mapping"):
        await jobs.submit_many(session, "A.B", [1])
    assert await ids_of(jobs, session) == set()


async def test_none_is_asked_for_and_none_is_submitted(store: Any, jobs: Any) -> None:
    assert await jobs.submit_many(await store.create("a"), "A.B", []) == []


async def test_they_wait_as_long_as_all_were_told_to(
    store: Any, jobs: Any, hand: Hand, world: World
) -> None:
    session = await store.create("a")
    await jobs.submit_many(session, "A.B", [{}, {}], delay=60, keep=30, max_wait=90)
    assert hand.take() == []
    async for info in jobs.list(session):
        assert (info.due - info.created).total_seconds() == 60


async def test_those_of_a_session_that_has_moved_are_where_its_first_one_was(
    store: Any, jobs: Any, hand: Hand
) -> None:
    session = await store.create("a", owner="ann")
    first = await jobs.submit(session, "A.B")
    for number in range(5):
        owner = f"bob{number}"
        await session.close(owner=owner)
        many = await jobs.submit_many("a", "A.B", [{}] * 3, owner=owner)
        assert {job.id[:3] for job in many} == {first.id[:3]}
        session = await store.open("a", owner)
    assert len(hand.take()) == 16


async def test_a_session_that_is_over_gets_none(store: Any, jobs: Any) -> None:
    await store.create("a", open=False)
    await jobs.submit_many("a", "A.B", [{}])
    await store.delete("a")
    with pytest.raises((SessionEnded, SessionNotFound)):
        await jobs.submit_many("a", "A.B", [{}])
