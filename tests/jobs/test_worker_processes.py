"""Workers that are killed, stopped, blocked and told to end; and a server that is away."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import JobFailed
from sessionstore.jobs import AsyncJobs, engine
from sessionstore.worker import Profile
from tests.jobs.working import LEASE, WorkerProcess, lines, working
from tests.support.servers import Standalone
from tests.support.wait import until
from tests.support.worlds import Place, World

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.slow

LATEST = LEASE * 5


@pytest.fixture
def jobs(scene: World, runner: asyncio.Runner) -> AsyncJobs:
    return AsyncJobs(runner.run(scene.connect()))


async def types(job: Any) -> list[str]:
    return [event.type async for event in job.events()]


async def test_what_a_killed_worker_ran_is_done_by_another(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, runner: Any
) -> None:
    path = tmp_path / "marks"
    with WorkerProcess(scene) as first, WorkerProcess(scene) as second:
        job = await jobs.submit(session, "Tests.Count", path=str(path), seconds=1, queue="tests")
        await until(lambda: lines(path), "it runs")
        runs_in = int(lines(path)[0].split()[1])
        {first.pid: first, second.pid: second}[runs_in].signal_all(signal.SIGKILL)
        await job.result(timeout=LATEST + 30)
    begun = [line for line in lines(path) if line.startswith("begin")]
    assert len(begun) == 2
    assert begun[0].split()[1] != begun[1].split()[1]
    told = await types(job)
    assert told.count("result") == 1
    assert [kind for kind in told if kind in ("queued", "running")] == ["queued", "running"] * 2


async def test_a_worker_declares_its_jobs_to_those_who_know_only_their_names(
    scene: World, jobs: AsyncJobs, session: Any, monkeypatch: pytest.MonkeyPatch, runner: Any
) -> None:
    monkeypatch.setattr(engine, "_definitions", {})
    declared = f"{{{scene.prefix}:store}}j:Tests.Add"
    with WorkerProcess(scene):
        await until(lambda: scene.raw.exists(declared), "its jobs are declared")
        job = await jobs.submit(session, "Tests.Add", a=1, b=2)
        assert (await job.info()).queue == "tests"
        assert await job.result(timeout=30) == 3


async def test_a_killed_worker_takes_its_children_and_its_side_process_with_it(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, runner: Any
) -> None:
    path = tmp_path / "marks"
    with WorkerProcess(scene) as worker:
        for name, more in (("HogPlainly", {"seconds": 60}), ("WaitPlainly", {})):
            given = {"path": str(path), **more}
            await jobs.submit(session, f"Tests.{name}", parameters=given, queue="tests")
        await until(lambda: len(lines(path)) == 2, "both run")
        assert len(worker.family()) >= 3
        worker.signal(signal.SIGKILL)
        await until(lambda: not worker.family(), "all have ended")


async def test_the_side_process_is_started_again_and_no_lease_is_lost(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, runner: Any
) -> None:
    path = tmp_path / "marks"
    with WorkerProcess(scene) as worker:
        side = int(worker.said())
        job = await jobs.submit(
            session, "Tests.Count", path=str(path), seconds=LEASE * 2.5, queue="tests"
        )
        await until(lambda: lines(path), "it runs")
        os.kill(side, signal.SIGKILL)
        await job.result(timeout=LATEST + 30)
    assert await types(job) == ["queued", "running", *["status"] * 100, "result"]


@pytest.mark.parametrize("name", ["Block", "Hog"])
async def test_a_job_that_blocks_its_worker_keeps_its_claim(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, name: str, runner: Any
) -> None:
    path = tmp_path / "marks"
    with WorkerProcess(scene) as first, WorkerProcess(scene) as second:
        assert first.said()
        assert second.said()
        given = {"path": str(path), "seconds": round(LEASE * 2.5)}
        job = await jobs.submit(session, f"Tests.{name}", parameters=given, queue="tests")
        assert await job.result(timeout=LATEST + 30) == "done"
    assert [line.split()[0] for line in lines(path)] == ["begin", "end"]
    assert await types(job) == ["queued", "running", "result"]


async def test_a_worker_that_was_stopped_for_too_long_writes_nothing_over_its_successor(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, runner: Any
) -> None:
    path = tmp_path / "marks"
    with WorkerProcess(scene) as first:
        job = await jobs.submit(session, "Tests.Count", path=str(path), seconds=3, queue="tests")
        await until(lambda: lines(path), "it runs")
        first.signal_all(signal.SIGSTOP)
        with WorkerProcess(scene):
            await until(lambda: len(lines(path)) == 2, "it runs elsewhere", timeout=LATEST + 20)
            first.signal_all(signal.SIGCONT)
            fence = await job.result(timeout=30)
            old, new = (int(line.split()[2]) for line in lines(path)[:2])
            assert fence == new > old
        assert await jobs.execute(session, "Tests.Add", timeout=30, a=1, queue="tests") == 2
    told = [event async for event in job.events()]
    after = [event.type for event in told].index("running", 2)
    later = told[after:]
    fences = {event.body[0] for event in later if event.type == "status"}
    assert fences == {new}, "nothing of the old one comes after the new one has begun"
    assert [event.type for event in told].count("result") == 1
    ends = [line for line in lines(path) if line.startswith("end")]
    assert len(ends) == 1, "the old one has stopped itself"


async def test_the_first_sigterm_drains(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, runner: Any
) -> None:
    path = tmp_path / "marks"
    with WorkerProcess(scene) as worker:
        job = await jobs.submit(session, "Tests.Count", path=str(path), seconds=1, queue="tests")
        await until(lambda: lines(path), "it runs")
        assert worker.said()
        worker.signal(signal.SIGTERM)
        assert worker.said() == "stopping"
        more = await jobs.submit(session, "Tests.Add", a=1, queue="tests")
        assert await asyncio.to_thread(worker.end) == 0
        assert (await types(job))[-1] == "result"
        assert (await types(more)) == ["queued"]
        with WorkerProcess(scene):
            assert await more.result(timeout=30) == 2


@pytest.mark.parametrize("name", ["Wait", "WaitPlainly"])
async def test_the_second_sigterm_gives_back_what_runs(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, name: str, runner: Any
) -> None:
    path = tmp_path / "marks"
    with WorkerProcess(scene) as worker:
        job = await jobs.submit(session, f"Tests.{name}", path=str(path), queue="tests")
        await until(lambda: lines(path), "it runs")
        assert worker.said()
        for _ in range(2):
            worker.signal(signal.SIGTERM)
            assert worker.said() == "stopping"
        assert await asyncio.to_thread(worker.end) == 0
    assert await types(job) == ["queued", "running", "queued"]
    info = await job.info()
    assert (info.state, info.attempts, info.lost) == ("queued", 0, 0)
    assert "shutdown" in lines(path)[1]


async def test_a_child_that_dies_is_told_at_once(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, runner: Any
) -> None:
    path = tmp_path / "marks"
    async with working(scene):
        job = await jobs.submit(session, "Tests.WaitPlainly", path=str(path))
        await until(lambda: lines(path), "it runs")
        begun = asyncio.get_running_loop().time()
        os.kill(int(lines(path)[0]), signal.SIGKILL)
        with pytest.raises(JobFailed) as caught:
            await job.result(timeout=20)
        assert asyncio.get_running_loop().time() - begun < LEASE
    (error,) = caught.value.errors
    assert error["code"] == "process-ended"
    assert "SIGKILL" in error["text"]


async def test_what_jobs_tell_and_return_is_held_while_the_server_is_away(
    tmp_path: Path, runner: Any
) -> None:
    path, patient = tmp_path / "marks", Profile(lease=20, beat=1, sweep=1)
    with Standalone(None, tmp_path / "data") as server:
        world = World("embedded", "async", Place(server.url, (server,)))
        jobs = AsyncJobs(await world.connect())
        session = await world._stores[0].create("cart", "ann")
        async with working(world, profile=patient):
            job = await jobs.submit(session, "Tests.Count", path=str(path), seconds=1)
            await until(lambda: lines(path), "it runs")
            server.kill9()
            await until(lambda: len(lines(path)) == 2, "it has ended")
            server.restart()
            fence = await job.result(timeout=20)
            assert await jobs.execute(session, "Tests.Add", timeout=20, a=1) == 2
        told = [event.body async for event in job.events() if event.type == "status"]
        assert told == [[fence, at] for at in range(20)]
        await world.close()
