"""A worker whose `run()` is cancelled, by the program that it is part of, leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sessionstore.jobs import AsyncJobs
from sessionstore.worker import Profile, Worker
from tests.jobs.working import QUEUES, QUICK, lines, processes_of
from tests.support.servers import Standalone
from tests.support.wait import until, wait_until
from tests.support.worlds import BUCKETS, Place, World

pytestmark = pytest.mark.slow

BOTH = ("Tests.Wait", "Tests.WaitPlainly")


@pytest.fixture
def jobs(scene: World, runner: asyncio.Runner) -> AsyncJobs:
    return AsyncJobs(runner.run(scene.connect()))


def started(scene: World, profile: Profile = QUICK) -> tuple[Worker, asyncio.Task[None]]:
    url = scene.place.url  # type: ignore[union-attr]
    worker = Worker(
        url, prefix=scene.prefix, buckets=BUCKETS, queues=QUEUES, slots=4, profile=profile
    )
    return worker, asyncio.create_task(worker.run())


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """No process and no task that was not there before."""
    processes, tasks = processes_of(os.getpid()), asyncio.all_tasks()
    yield
    await until(lambda: not set(processes_of(os.getpid())) - set(processes), "processes end")
    # What the store of the test does by itself, such as listening, has no end.
    await until(lambda: not ours(asyncio.all_tasks() - tasks), "tasks end")


def ours(tasks: set[asyncio.Task[Any]]) -> list[str]:
    return [str(task.get_coro()) for task in tasks if task.get_name() != "sessionstore-ringing"]


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_what_runs_is_given_back(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, times: int, runner: Any
) -> None:
    paths = [tmp_path / name for name in BOTH]
    async with nothing_left():
        _, running = started(scene)
        submitted = [
            await jobs.submit(session, name, path=str(path))
            for name, path in zip(BOTH, paths, strict=True)
        ]
        await until(lambda: all(map(lines, paths)), "both run", timeout=60)
        for _ in range(times):
            running.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await running
    for path in paths:
        assert "shutdown" in lines(path)[1]
    for job in submitted:
        info = await job.info()
        assert (info.state, info.attempts, info.lost) == ("queued", 0, 0)


async def test_a_job_that_does_not_stop_is_ended_with_its_process(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, runner: Any
) -> None:
    path = tmp_path / "marks"
    async with nothing_left():
        _, running = started(scene)
        job = await jobs.submit(session, "Tests.Stubborn", path=str(path))
        await until(lambda: lines(path), "it runs", timeout=60)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert await job.state == "queued"


async def test_it_may_be_cancelled_at_any_moment(
    scene: World, jobs: AsyncJobs, session: Any, runner: Any
) -> None:
    for moment in range(16):
        async with nothing_left():
            worker, running = started(scene)
            for _ in range(moment):
                await asyncio.sleep(0)
            if moment % 8 == 7:
                await until(lambda worker=worker: worker.side, "it takes jobs", timeout=60)
            if moment % 16 == 15:
                await jobs.submit(session, "Tests.AddPlainly", a=1)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running


def test_it_is_cancelled_with_all_tasks_of_its_loop(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, runner: asyncio.Runner
) -> None:
    paths = [tmp_path / name for name in BOTH]
    before = processes_of(os.getpid())
    submitted = [
        runner.run(jobs.submit(session, name, path=str(path)))
        for name, path in zip(BOTH, paths, strict=True)
    ]

    async def program() -> Any:
        working = started(scene)
        await until(lambda: all(map(lines, paths)), "both run", timeout=60)
        return working  # and its loop ends

    asyncio.run(program())
    for job in submitted:
        info = runner.run(job.info())
        assert (info.state, info.attempts, info.lost) == ("queued", 0, 0)
    wait_until(lambda: processes_of(os.getpid()) == before, "processes end")


async def test_it_ends_also_while_the_store_is_away(tmp_path: Path, runner: Any) -> None:
    path = tmp_path / "marks"
    with Standalone(None, tmp_path / "data") as server:
        world = World("embedded", "async", Place(server.url, (server,)))
        jobs = AsyncJobs(await world.connect())
        session = await world._stores[0].create("cart", "ann")
        async with nothing_left():
            _, running = started(world, Profile(lease=20, beat=1, sweep=1))
            await jobs.submit(session, "Tests.Wait", path=str(path))
            await until(lambda: lines(path), "it runs", timeout=60)
            server.kill9()
            begun = time.monotonic()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert time.monotonic() - begun < 20
        server.restart()
        await world.close()
    assert "shutdown" in lines(path)[1]
