"""Jobs that are done again: by hand, with their keys and within limits; or later, as they say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import JobRefused
from sessionstore._core.jobs.flows import Finished, take
from sessionstore._core.jobs.jobs import Outcome, Report
from sessionstore._core.jobs.keys import find_group, find_job, queue
from sessionstore._core.jobs.records import Entry
from tests.support.wait import until

if TYPE_CHECKING:
    from tests.jobs.support import Hand, Heard, Running
    from tests.support.worlds import World

ENDS = ["done", "failed", "again", "back"]
DAY_MS = 86_400_000
FAR = timedelta(days=36_000)


async def test_what_is_done_again_has_its_key_again(store: Any, jobs: Any, hand: Hand) -> None:
    session = await store.create("a")
    job = await jobs.submit(session, "A.B", key="nightly")
    hand.start().finish("failed", [], "no paper")
    for _ in range(2):
        await jobs.retry(job.id)
    assert (await jobs.submit(session, "A.B", key="nightly")).id == job.id
    hand.start().finish()
    assert (await jobs.submit(session, "A.B", key="nightly")).id != job.id


async def test_what_has_failed_is_not_done_again_while_another_job_has_its_key(
    store: Any, jobs: Any, hand: Hand
) -> None:
    session = await store.create("a")
    job = await jobs.submit(session, "A.B", key="nightly")
    await job.cancel()
    other = await jobs.submit(session, "A.B", key="nightly")
    assert other.id != job.id
    with pytest.raises(JobRefused, match="key") as refused:
        await jobs.retry(job.id)
    assert refused.value.limit == "state"
    assert await job.state == "cancelled"
    assert (await jobs.submit(session, "A.B", key="nightly")).id == other.id
    await other.cancel()
    await jobs.retry(job.id)
    assert (await jobs.submit(session, "A.B", key="nightly")).id == job.id


async def test_what_is_done_again_counts_as_any_other(store: Any, jobs: Any) -> None:
    session = await store.create("a", owner="ann")
    job = await jobs.submit(session, "A.B")
    await job.cancel()
    for limit, whose in (("max_jobs", "session"), ("max_jobs_per_owner", "owner")):
        await store.configure(**{limit: 1})
        other = await jobs.submit(session, "A.B")
        with pytest.raises(JobRefused) as refused:
            await jobs.retry(job.id)
        assert (refused.value.limit, refused.value.value) == (whose, 1)
        assert await job.state == "cancelled"
        await other.cancel()
        await store.configure(**{limit: None})
    await jobs.retry(job.id)


@pytest.mark.parametrize("end", ENDS)
async def test_who_ends_a_job_that_another_has_by_now_leaves_it_its_place_in_the_queue(
    store: Any, jobs: Any, hand: Hand, world: World, end: str
) -> None:
    await jobs.configure_queue("default", max_running=1, max_running_per_owner=1)
    session = await store.create("a")
    for _ in range(2):
        await jobs.submit(session, "A.B")
    late = hand.start()
    late.lapse(world)
    running = hand.start()
    assert running.id == late.id
    assert late.finish(end, sure=False) == "lost"
    assert hand.take() == []
    assert running.finish() == ""
    assert hand.start().id != late.id


@pytest.mark.parametrize("end", ENDS)
async def test_who_is_late_with_the_end_of_a_job_that_nobody_else_has_is_heard(
    store: Any, jobs: Any, hand: Hand, end: str
) -> None:
    await jobs.configure_queue("default", max_running=1)
    session = await store.create("a")
    first, other = [await jobs.submit(session, "A.B") for _ in range(2)]
    assert hand.start().finish(end, sure=False) == ""
    assert await first.state == (end if end in ENDS[:2] else "queued")
    assert {running.id for running in hand.take()} <= {first.id, other.id}
    assert (await jobs.configure_queue("default")).taken == 1


def again(world: World, running: Running, delay_ms: int) -> None:
    """Let a start end so that the job is tried again after some time."""
    done = Finished(
        Entry(running.id, running.job.text("o")),
        running.token,
        Outcome("again", why="no paper", delay_ms=delay_ms),
        Report(1),
    )
    place = queue(world.keys, running.job.text("q"))
    world.driver().run(take(world.keys, place, most=0, lease_ms=1000, done=[done]))


async def test_a_job_that_is_tried_again_much_later_is_kept_until_then(
    store: Any, jobs: Any, hand: Hand, world: World
) -> None:
    job = await jobs.submit(await store.create("a"), "A.B", files={"in": b"1"})
    again(world, hand.start(), 30 * DAY_MS)
    key = find_job(world.keys, job.id)
    group = find_group(world.keys, world.raw.hget(key.job, "g").decode())
    for name in (key.job, key.files, group.facts):
        assert world.raw.pttl(name) > 30 * DAY_MS
    info = await job.info()
    assert (info.state, info.due - info.created > timedelta(days=29)) == ("queued", True)


@pytest.mark.parametrize("moment", [b"9" * 15, b"9" * 300, b"1e+303"])
async def test_a_job_is_read_whatever_its_times_are(
    store: Any, jobs: Any, world: World, moment: bytes
) -> None:
    session = await store.create("a")
    job = await jobs.submit(session, "A.B")
    world.raw.hset(find_job(world.keys, job.id).job, "d", moment)
    info = await job.info()
    assert info.due > datetime.now(tz=info.due.tzinfo) + FAR
    assert [one.id async for one in jobs.list(session)] == [job.id]
    assert await job.cancel() == "cancelled"


async def test_a_sink_begins_after_any_cursor(store: Any, jobs: Any, heard: Heard) -> None:
    """Who comes back may hold one of which no clock knows."""
    session = await store.create("a")
    sink = await jobs.sink(session, print)
    group = sink.cursor.partition("/")[0]
    await sink.close()
    await jobs.submit(session, "A.B")
    sink = await jobs.sink(session, heard, after=f"{group}/{'9' * 18}-0/{'9' * 18}")
    await until(lambda: heard.types == ["gap"], "it was told")
    assert heard.events[0].at > datetime.now(tz=heard.events[0].at.tzinfo) + FAR
    assert (sink.is_open, sink.error) == (True, None)
    await sink.close()
