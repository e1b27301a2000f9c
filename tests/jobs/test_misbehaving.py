"""What jobs do to the processes that run them: it is their own end, and nobody else's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

from sessionstore import JobCancelled, JobFailed
from sessionstore.jobs import AsyncJobs
from tests.jobs import misbehaving
from tests.jobs.working import lines, working
from tests.support.wait import until
from tests.support.worlds import World

assert misbehaving.bad.jobs

SOON = 10.0
"""Seconds that no job needs here, also on a busy machine, and that are less than they wait."""


@pytest.fixture
def jobs(scene: World, runner: asyncio.Runner) -> AsyncJobs:
    return AsyncJobs(runner.run(scene.connect()))


@contextlib.asynccontextmanager
async def one_slot(scene: World, jobs: AsyncJobs, session: Any) -> AsyncIterator[None]:
    """A worker that does one job at a time; it has its slot, and its jobs, to the end."""
    async with working(scene, slots=1):
        yield
        assert await jobs.execute(session, "Tests.AddPlainly", timeout=20, a=1) == 2
        assert await jobs.execute(session, "Tests.AddPlainly", timeout=20, a=2) == 3


async def failure(job: Any) -> tuple[str, str]:
    with pytest.raises(JobFailed) as caught:
        await job.result(timeout=SOON)
    (error,) = caught.value.errors
    return error["code"], error["text"]


@pytest.mark.parametrize("leave", [False, True])
async def test_a_copy_that_a_job_has_made_ends_with_the_function(
    scene: World, jobs: AsyncJobs, session: Any, leave: bool, runner: Any
) -> None:
    async with one_slot(scene, jobs, session):
        for _ in range(2):
            assert await jobs.execute(session, "Bad.Fork", timeout=SOON, leave=leave) == 0


async def test_a_copy_tells_and_asks_nothing(
    scene: World, jobs: AsyncJobs, session: Any, runner: Any
) -> None:
    async with one_slot(scene, jobs, session):
        job = await jobs.submit(session, "Bad.ForkTells", files={"in": b"1"})
        assert await job.result(timeout=SOON) == [3]
        assert [event.type async for event in job.events()] == ["queued", "running", "result"]


async def test_a_copy_can_be_terminated(
    scene: World, jobs: AsyncJobs, session: Any, runner: Any
) -> None:
    async with one_slot(scene, jobs, session):
        assert await jobs.execute(session, "Bad.ForkTerminated", timeout=SOON) == -signal.SIGTERM


@pytest.mark.parametrize("line", [False, True])
async def test_what_a_job_has_started_does_not_keep_its_slot(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, line: bool, runner: Any
) -> None:
    path = tmp_path / "marks"
    try:
        async with one_slot(scene, jobs, session):
            job = await jobs.submit(session, "Bad.LeaveOneBehind", path=str(path), line=line)
            code, text = await failure(job)
    finally:
        for pid in lines(path):
            os.kill(int(pid), signal.SIGKILL)
    assert (code, text) == ("process-ended", "its process was ended by SIGKILL")


@pytest.mark.parametrize(
    "data",
    [
        b"\xc1",
        b"\xc0",
        b"\x07",
        b"\x93\x01\x02\x03",
        msgpack.packb([1, "result", b""]),
        msgpack.packb([1, "done", "text"]),
        msgpack.packb([1, "tell", {"a": None}, []]),
        msgpack.packb([1, "tell", {}, [[1]]]),
        msgpack.packb([2, "done", b""]),
    ],
    ids=repr,
)
async def test_what_is_written_into_its_line_ends_a_job(
    scene: World, jobs: AsyncJobs, session: Any, data: bytes, runner: Any
) -> None:
    async with one_slot(scene, jobs, session):
        code, text = await failure(await jobs.submit(session, "Bad.Write", data=data))
        assert (code, "wrote into the line" in text) == ("process-ended", True)


async def test_what_a_job_has_left_behind_tells_nothing_of_the_next(
    scene: World, jobs: AsyncJobs, session: Any, runner: Any
) -> None:
    async with one_slot(scene, jobs, session):
        child = await jobs.execute(session, "Bad.TellAside", timeout=SOON)
        job = await jobs.submit(session, "Tests.CopyPlainly", files={"in": b"12"})
        assert await job.result(timeout=SOON) == 2
        assert [event.type async for event in job.events()] == ["queued", "running", "result"]
        assert await job.file("out") == b"1212"
        with pytest.raises(KeyError):
            await job.file("aside")
        assert await jobs.execute(session, "Tests.Pid", timeout=SOON) == child, "it is as good"


async def test_a_thread_that_tells_does_not_keep_a_job_from_stopping(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, runner: Any
) -> None:
    path = tmp_path / "marks"
    async with one_slot(scene, jobs, session):
        job = await jobs.submit(session, "Bad.WaitBesideAThread", path=str(path))
        await until(lambda: lines(path), "it runs")
        await job.cancel("enough")
        with pytest.raises(JobCancelled):
            await job.result(timeout=SOON)


async def test_threads_of_a_job_may_ask_at_the_same_time(
    scene: World, jobs: AsyncJobs, session: Any, runner: Any
) -> None:
    names = {name: name.encode() for name in ("a", "b", "c")}
    async with one_slot(scene, jobs, session):
        job = await jobs.submit(session, "Bad.ReadTogether", files=names, times=30)
        assert await job.result(timeout=SOON) == 0
