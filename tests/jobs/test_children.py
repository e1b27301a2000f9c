"""The processes that run plain jobs: one is ready, and there are no more than slots."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from sessionstore import JobFailed
from sessionstore.jobs import AsyncJobs
from tests.jobs import misbehaving
from tests.jobs.working import processes_of, working
from tests.support.wait import until
from tests.support.worlds import World

assert misbehaving.bad.jobs


@pytest.fixture
def jobs(scene: World, runner: asyncio.Runner) -> AsyncJobs:
    return AsyncJobs(runner.run(scene.connect()))


def children() -> list[int]:
    """The processes of a worker in this one that run plain jobs."""
    return [
        pid
        for pid in processes_of(os.getpid())
        if b"sessionstore.worker._child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


async def test_the_first_plain_job_finds_a_process_ready(
    scene: World, jobs: AsyncJobs, session: Any, runner: Any
) -> None:
    async with working(scene, slots=1):
        (ready,) = await until(children, "one is ready", timeout=60)
        for _ in range(2):
            assert await jobs.execute(session, "Tests.Pid", timeout=20) == ready
        assert children() == [ready]


async def test_another_is_ready_when_one_has_ended(
    scene: World, jobs: AsyncJobs, session: Any, runner: Any
) -> None:
    async with working(scene, slots=1):
        (first,) = await until(children, "one is ready", timeout=60)
        with pytest.raises(JobFailed):
            await jobs.execute(session, "Bad.Write", timeout=20, data=b"\xc1")
        await until(lambda: len(children()) == 1 and children() != [first], "another")
        (second,) = children()
        assert await jobs.execute(session, "Tests.Pid", timeout=20) == second


async def test_one_that_died_while_it_was_idle_is_not_given_a_job(
    scene: World, jobs: AsyncJobs, session: Any, runner: Any
) -> None:
    async with working(scene, slots=1):
        (first,) = await until(children, "one is ready", timeout=60)
        os.kill(first, signal.SIGKILL)
        assert await jobs.execute(session, "Tests.Pid", timeout=20) != first
        assert len(children()) == 1


async def test_without_plain_jobs_there_is_none(
    scene: World, jobs: AsyncJobs, session: Any, monkeypatch: pytest.MonkeyPatch, runner: Any
) -> None:
    monkeypatch.setattr("sessionstore.worker._worker.known_definitions", list)
    async with working(scene, slots=1):
        assert await jobs.execute(session, "Tests.Add", timeout=20, a=1) == 2
        assert children() == []
        assert await jobs.execute(session, "Tests.AddPlainly", timeout=20, a=1) == 2
