"""Jobs as their users have them: submitted, waited for, found, listed, cancelled, done again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import (
    ConfigError,
    JobCancelled,
    JobFailed,
    JobLost,
    JobNotFound,
    JobNotOver,
    JobRefused,
    SessionEnded,
    SessionNotFound,
    TypeRefused,
)
from sessionstore._core.jobs.jobs import Given
from sessionstore._core.jobs.keys import find_job
from sessionstore._core.jobs.records import Submitted
from sessionstore._core.jobs.submitting import Order, submit
from sessionstore._core.sessions import ANY
from sessionstore.jobs import Engine
from tests.support.wait import until

if TYPE_CHECKING:
    from tests.jobs.support import Hand
    from tests.support.worlds import World

engine = Engine("Shop", queue="shop")


@engine.job("Count", priority=2, grace=1)
async def count(job: Any, rows: int, title: str = "") -> None: ...


async def all_of(found: Any) -> list[Any]:
    return [one async for one in found]


async def test_a_job_is_submitted_run_and_waited_for(store: Any, jobs: Any, hand: Hand) -> None:
    session = await store.create("a", owner="ann")
    job = await jobs.submit(session, "Paper.Print", rows=10)
    assert await job.state == "queued"
    waiting = asyncio.ensure_future(job.result(timeout=20))
    running = hand.start()
    assert running.job.text("n") == "Paper.Print"
    assert await job.state == "running"
    running.finish(value={"pages": 3})
    assert await waiting == {"pages": 3}
    info = await job.info()
    assert (info.state, info.sid, info.owner, info.attempts) == ("done", session.sid, "ann", 1)
    assert info.begun is not None
    assert info.created <= info.begun <= info.finished
    assert [(event.type, event.body) async for event in job.events()] == [
        ("queued", {}),
        ("running", {}),
        ("result", {"pages": 3}),
    ]


@pytest.mark.parametrize("how", ["open", "closed", "generated", "view"])
async def test_a_session_is_meant_by_itself_or_by_its_id(
    store: Any, jobs: Any, hand: Hand, how: str
) -> None:
    session = await store.create(None if how == "generated" else "a", owner="ann")
    if how != "open":
        await session.close()
    if how == "view":
        jobs = type(jobs)(store.as_user("ann"))
    given: dict[str, Any] = {} if how in {"view", "generated", "open"} else {"owner": "ann"}
    job = await jobs.submit(session if how == "open" else session.id, "A.B", **given)
    assert (await job.info()).sid == session.sid


async def test_what_becomes_of_a_job_is_raised(store: Any, jobs: Any, hand: Hand) -> None:
    session = await store.create("a")
    errors = [{"code": "no-paper", "text": "there is none", "source": "", "line": 0, "info": []}]
    job = await jobs.submit(session, "A.B")
    hand.start().finish("failed", errors, "ValueError: there is none")
    with pytest.raises(JobFailed) as failed:
        await job.result()
    assert failed.value.errors == tuple(errors)
    assert failed.value.why == "ValueError: there is none"
    job = await jobs.submit(session, "A.B")
    assert await job.cancel("no need") == "cancelled"
    with pytest.raises(JobCancelled, match="no need"):
        await job.result()
    job = await jobs.submit(session, "A.B")
    with pytest.raises(JobNotOver) as over:
        await job.result(timeout=0.05)
    assert isinstance(over.value, TimeoutError)


async def test_a_job_whose_workers_are_lost_is_lost(
    store: Any, jobs: Any, hand: Hand, world: World
) -> None:
    job = await jobs.submit(await store.create("a"), "A.B")
    for _ in range(4):
        running = hand.start()
        running.lapse(world)
        hand.sweep()
    with pytest.raises(JobLost):
        await job.result(timeout=1)
    assert [info.id async for info in jobs.list(state="lost")] == [job.id]


async def test_a_running_job_is_told_to_stop(store: Any, jobs: Any, hand: Hand) -> None:
    job = await jobs.submit(await store.create("a"), "A.B")
    running = hand.start()
    assert await job.cancel("enough", grace=timedelta(seconds=30)) == "running"
    info = await job.info()
    assert (info.stopping, info.why) == (True, "enough")
    running.finish("cancelled", why="enough")
    with pytest.raises(JobCancelled, match="enough"):
        await job.result()


async def test_a_job_may_have_days_to_stop(store: Any, jobs: Any, hand: Hand) -> None:
    job = await jobs.submit(await store.create("a"), "A.B")
    running = hand.start()
    assert running.beat() == "R"
    await job.cancel("no need", grace=timedelta(days=3))
    told, _, why = running.beat().partition(" ")
    assert (told[0], why) == ("C", "no need")
    assert int(told[1:]) == pytest.approx(3 * 86_400_000, abs=60_000)


async def test_execute_returns_what_the_job_returned(store: Any, jobs: Any, hand: Hand) -> None:
    session = await store.create("a")
    calling = asyncio.ensure_future(jobs.execute(session, "A.B", timeout=20, rows=2))
    running = await until(hand.take, "it waits")
    running[0].finish(value=[1, 2])
    assert await calling == [1, 2]


async def test_what_nobody_waits_for_any_more_is_cancelled(
    store: Any, jobs: Any, hand: Hand
) -> None:
    session = await store.create("a")
    with pytest.raises(JobNotOver):
        await jobs.execute(session, "A.B", timeout=0.05)
    assert [info.state async for info in jobs.list(session)] == ["cancelled"]
    assert hand.take() == []


async def test_options_are_kept_with_the_job(
    store: Any, jobs: Any, world: World, hand: Hand
) -> None:
    session = await store.create("a")
    job = await jobs.submit(
        session, "A.B", {"delay": 1}, queue="slow", delay=60, priority=-3, max_wait=90, keep=5
    )
    found = {name.decode(): value for name, value in _hash(world, job.id).items()}
    names = ("q", "e", "m", "v")
    assert [found[name] for name in names] == [b"slow", b"-3000", b"90000", b"5000"]
    assert hand.take(name="slow") == []
    info = await job.info()
    assert info.due - info.created == timedelta(seconds=60)


def _hash(world: World, id: str) -> dict[bytes, bytes]:
    return world.raw.hgetall(find_job(world.keys, id).job)


async def test_options_of_a_known_job_are_those_of_its_engine(
    store: Any, jobs: Any, world: World
) -> None:
    session = await store.create("a")
    job = await jobs.submit(session, "Shop.Count", rows=3)
    found = _hash(world, job.id)
    assert [found[name] for name in (b"q", b"e", b"h")] == [b"shop", b"2000", b"1000"]
    again = await jobs.submit(session, "Shop.Count", rows=3, priority=0, queue="other")
    told = _hash(world, again.id)
    assert (told[b"q"], told.get(b"e", b"0")) == (b"other", b"0")
    for wrong in ({}, {"rows": "3"}, {"rows": 3, "color": "red"}):
        with pytest.raises(JobRefused) as refused:
            await jobs.submit(session, "Shop.Count", wrong)
        assert refused.value.limit == "parameters"


async def test_a_job_with_the_key_of_one_that_lives_is_that_one(
    store: Any, jobs: Any, hand: Hand
) -> None:
    session = await store.create("a")
    one, same = [await jobs.submit(session, "A.B", key="nightly") for _ in range(2)]
    assert one.id == same.id
    hand.start().finish()
    assert (await jobs.submit(session, "A.B", key="nightly")).id != one.id


async def test_too_many_jobs_are_refused(store: Any, jobs: Any) -> None:
    await store.configure(max_jobs=2)
    session = await store.create("a")
    for _ in range(2):
        await jobs.submit(session, "A.B")
    with pytest.raises(JobRefused) as refused:
        await jobs.submit(session, "A.B")
    assert (refused.value.limit, refused.value.value) == ("session", 2)
    await jobs.configure_queue("full", max_waiting=0)
    other = await store.create("b")
    with pytest.raises(JobRefused) as refused:
        await jobs.submit(other, "A.B", queue="full")
    assert refused.value.limit == "queue"
    assert [info.state async for info in jobs.list(other)] == ["cancelled"]


async def test_what_makes_no_sense_is_refused(store: Any, jobs: Any) -> None:
    session = await store.create("a")
    with pytest.raises(JobRefused, match="file"):
        await jobs.submit(session, "A.B", text="x" * 300_000)
    with pytest.raises(TypeRefused):
        await jobs.submit(session, "A.B", thing=object())
    with pytest.raises(ConfigError, match="owner"):
        await jobs.submit(session, "A.B", owner="ann")
    with pytest.raises(ConfigError, match="owner"):
        await all_of(jobs.list(session, owner="ann"))


async def test_a_head_start_may_be_negative_in_any_shape(
    store: Any, jobs: Any, world: World
) -> None:
    session = await store.create("a")
    for priority in (-3, -3.0, timedelta(seconds=-3)):
        job = await jobs.submit(session, "A.B", priority=priority)
        assert _hash(world, job.id)[b"e"] == b"-3000"


async def test_a_session_that_has_ended_takes_no_job(store: Any, jobs: Any) -> None:
    session = await store.create("a")
    await session.delete()
    with pytest.raises(SessionEnded):
        await jobs.submit("a", "A.B")
    with pytest.raises(SessionNotFound):
        await jobs.submit("b", "A.B")
    with pytest.raises(SessionEnded):
        await jobs.sink("a", print)


async def test_jobs_are_listed_by_session_owner_queue_and_state(
    store: Any, jobs: Any, hand: Hand
) -> None:
    a = await store.create("a", owner="ann")
    b = await store.create("b", owner="bob")
    done, waiting, other = [
        await jobs.submit(session, "A.B", queue=queue)
        for session, queue in ((a, "one"), (a, "two"), (b, "one"))
    ]
    for running in hand.take(name="one"):
        running.finish(*(("done", 1) if running.id == done.id else ("failed", [], "no paper")))

    async def ids(*given: Any, **asked: Any) -> set[str]:
        found = [info.id async for info in jobs.list(*given, **asked)]
        assert len(found) == len(set(found))
        return set(found)

    assert await ids(a) == {done.id, waiting.id}
    assert await ids("b", owner="bob") == {other.id}
    assert await ids() == {waiting.id, other.id}
    assert await ids(owner="ann") == {waiting.id}
    assert await ids(queue="one") == {other.id}
    assert await ids(state="failed") == {other.id}
    assert await ids(a, state="done") == {done.id}
    assert await ids(await store.create("c")) == set()


async def test_what_has_failed_is_done_again(store: Any, jobs: Any, hand: Hand) -> None:
    session = await store.create("a")
    job = await jobs.submit(session, "A.B")
    hand.start()
    with pytest.raises(JobRefused, match="running"):
        await jobs.retry(job.id)
    job = await jobs.submit(session, "A.B")
    hand.start().finish("failed", [], "no paper")
    await jobs.retry(job.id)
    assert [info.state async for info in jobs.list(session)].count("queued") == 1
    hand.start().finish(value=1)
    assert await job.result() == 1
    with pytest.raises(JobRefused, match="done"):
        await jobs.retry(job.id)


async def test_what_a_worker_may_still_run_is_not_started_by_another_however_it_is_done_again(
    store: Any, jobs: Any, hand: Hand
) -> None:
    job = await jobs.submit(await store.create("a"), "A.B")
    hand.start()
    await job.cancel(grace=0)
    hand.sweep()
    assert await job.state == "cancelled"
    await jobs.retry(job.id)
    assert await job.cancel() == "cancelled"
    await jobs.retry(job.id)
    assert hand.take() == []
    info = await job.info()
    assert info.state == "queued"
    assert info.due - info.created > timedelta(seconds=40)


async def test_what_is_no_orphan_is_not_adopted(store: Any, jobs: Any) -> None:
    job = await jobs.submit(await store.create("a", owner="ann"), "A.B")
    with pytest.raises(JobRefused, match="no orphan"):
        await jobs.adopt(job.id, await store.create("b", owner="ann"))


async def test_an_answer_is_the_first_one(store: Any, jobs: Any, hand: Hand) -> None:
    job = await jobs.submit(await store.create("a"), "A.B")
    running = hand.start()
    running.ask("q1")
    assert await jobs.answer(job.id, "q1", True)
    assert not await jobs.answer(job.id, "q1", False)
    assert not await jobs.answer(job.id, "q2", True)


async def test_a_queue_is_configured(store: Any, jobs: Any, hand: Hand) -> None:
    told = await jobs.configure_queue("q", max_waiting=5, rate=2.5, paused=True)
    assert (told.max_waiting, told.rate, told.paused, told.max_running) == (5, 2.5, True, None)
    await jobs.submit(await store.create("a"), "A.B", queue="q")
    assert hand.take(name="q") == []
    told = await jobs.configure_queue("q", max_waiting=None, rate=None, paused=False)
    assert (told.max_waiting, told.rate, told.paused, told.waiting) == (None, None, False, 1)
    hand.start(name="q")
    assert (await jobs.configure_queue("q")).taken == 1


async def test_what_is_gone_is_not_found(store: Any, jobs: Any, world: World) -> None:
    job = await jobs.submit(await store.create("a"), "A.B")
    assert (await jobs.find(job.id)).id == job.id
    world.clear()
    for call in (jobs.find, jobs.retry):
        with pytest.raises(JobNotFound):
            await call(job.id)
    for call in (job.info, job.result, job.cancel):
        with pytest.raises(JobNotFound):
            await call()


async def test_a_job_shows_nothing_of_what_it_holds(store: Any, jobs: Any, hand: Hand) -> None:
    job = await jobs.submit(await store.create("a"), "A.B", name_="secret")
    hand.start().finish(value="secret")
    told = repr([job, await job.info(), [event async for event in job.events()], jobs])
    assert "secret" not in told
    assert job.id not in told


def test_a_submit_that_is_cancelled_stays_cancelled_also_if_its_job_was_never_there(
    world: World,
) -> None:
    home = world.keys.named("cart", "ann")
    known = Submitted([], "", "ann", True)
    order = Order("line", Given([b"p"], {"n": "E.Job", "q": "line"}))
    flow = submit(world.keys, home, ANY, order, known)
    next(flow)
    withdrawing = flow.throw(asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        flow.send(world.driver()._answer(withdrawing))
