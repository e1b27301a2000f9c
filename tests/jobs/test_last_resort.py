"""A worker that fails at a job itself: the job has an end, its slot is free, the worker goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessionstore import JobCancelled, JobFailed
from sessionstore.jobs import AsyncJobs
from sessionstore.worker import Worker
from sessionstore.worker._children import Child
from sessionstore.worker._claiming import Claiming
from sessionstore.worker._processes import Spawned
from sessionstore.worker._reporting import Reporter
from sessionstore.worker._running import Running
from tests.jobs import misbehaving
from tests.jobs.working import QUEUES, lines, working
from tests.support.wait import until
from tests.support.worlds import BUCKETS, World

BOTH = pytest.mark.parametrize("kind", ["", "Plainly"])
assert misbehaving.bad.jobs


@pytest.fixture
def jobs(scene: World, runner: asyncio.Runner) -> AsyncJobs:
    return AsyncJobs(runner.run(scene.connect()))


async def codes(job: Any) -> list[str]:
    with pytest.raises(JobFailed) as caught:
        await job.result(timeout=20)
    return [error["code"] for error in caught.value.errors]


def breaking(monkeypatch: pytest.MonkeyPatch, kind: type, name: str, times: int = 1) -> None:
    """Let a method fail, the first times that it is called."""
    real: Callable[..., Any] = getattr(kind, name)
    left = [times]

    def fails(*given: Any, **more: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise ZeroDivisionError("a fault of the worker")
        return real(*given, **more)

    monkeypatch.setattr(kind, name, fails)


@BOTH
async def test_what_a_job_raises_cannot_end_its_worker(
    scene: World, jobs: AsyncJobs, session: Any, kind: str, runner: Any
) -> None:
    async with working(scene, slots=1):
        job = await jobs.submit(session, f"Bad.Hostile{kind}")
        assert await codes(job) == ["Hostile"]
        assert await jobs.execute(session, f"Tests.Add{kind}", timeout=20, a=1) == 2


@pytest.mark.parametrize(
    ("part", "method"),
    [(Running, "_see_to_options"), (Running, "end"), (Running, "_write_down"), (Child, "do")],
)
@BOTH
async def test_a_job_at_which_the_worker_fails_has_failed(
    scene: World, jobs: AsyncJobs, session: Any, kind: str, part: type, method: str,
    *, monkeypatch: pytest.MonkeyPatch, runner: Any,
) -> None:  # fmt: skip
    if part is Child and not kind:
        pytest.skip("an async job has no child")
    breaking(monkeypatch, part, method)
    async with working(scene, slots=1) as worker:
        assert await codes(await jobs.submit(session, f"Tests.Add{kind}", a=1)) == ["worker-failed"]
        assert await jobs.execute(session, f"Tests.Add{kind}", timeout=20, a=1) == 2
        assert worker.left_behind == 0


@BOTH
async def test_a_job_whose_end_cannot_be_told_is_done_again(
    scene: World, jobs: AsyncJobs, session: Any, kind: str, monkeypatch: pytest.MonkeyPatch,
    *, runner: Any,
) -> None:  # fmt: skip
    breaking(monkeypatch, Reporter, "last", times=2)
    async with working(scene, slots=1) as worker:
        job = await jobs.submit(session, f"Tests.Add{kind}", a=1)
        assert await job.result(timeout=30) == 2
        assert [event.type async for event in job.events()] == [
            *("queued", "running", "queued", "running", "result")
        ]
        assert worker.left_behind == 0


async def test_a_process_that_does_not_die_does_not_keep_the_slot(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    *, runner: Any,
) -> None:  # fmt: skip
    path = tmp_path / "marks"
    monkeypatch.setattr("sessionstore.worker._running.DIES_WITHIN", 0.2)
    async with working(scene, slots=1):
        job = await jobs.submit(session, "Tests.Stubborn", path=str(path))
        await until(lambda: lines(path), "it runs")
        with monkeypatch.context() as patched:
            patched.setattr(Spawned, "send_signal", lambda *_: None)
            await job.cancel("enough")
            with pytest.raises(JobCancelled):
                await job.result(timeout=20)
            assert await jobs.execute(session, "Tests.Add", timeout=20, a=1) == 2


@pytest.mark.parametrize("method", ["_shares", "_cool", "_turn"])
async def test_a_worker_that_cannot_take_jobs_any_more_ends(
    scene: World, jobs: AsyncJobs, session: Any, method: str, monkeypatch: pytest.MonkeyPatch,
    *, runner: Any,
) -> None:  # fmt: skip
    worker = Worker(scene.place.url, prefix=scene.prefix, buckets=BUCKETS, queues=QUEUES)  # type: ignore[union-attr]
    running = asyncio.ensure_future(worker.run())
    await until(lambda: worker.side, "it takes jobs", timeout=60)
    assert await jobs.execute(session, "Tests.Add", timeout=20, a=1) == 2
    breaking(monkeypatch, Claiming, method, times=100)
    await jobs.submit(session, "Tests.Add", a=1)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(running, 20)
