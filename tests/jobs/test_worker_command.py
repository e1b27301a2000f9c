"""`sessionstore worker`, as a service manager starts and ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore.jobs import AsyncJobs
from tests.jobs.working import ROOT, lines, processes_of
from tests.support.servers import Standalone
from tests.support.wait import until, wait_until
from tests.support.worlds import BUCKETS, Place, Places, World

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


@pytest.fixture
def scene(places: Places, runner: asyncio.Runner) -> Iterator[World]:
    world = World("embedded", "async", places.get("embedded"))
    yield world
    runner.run(world.close())


@pytest.fixture
def jobs(scene: World, runner: asyncio.Runner) -> AsyncJobs:
    return AsyncJobs(runner.run(scene.connect()))


def command(url: str, prefix: str, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        (
            *(sys.executable, "-m", "sessionstore", "worker", "tests.jobs.engines", *more),
            *("--prefix", prefix, "--buckets", str(BUCKETS)),
        ),
        cwd=ROOT,
        env={**os.environ, "SESSIONSTORE_URL": url},
        stderr=subprocess.PIPE,
        text=True,
    )


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


async def test_it_does_the_jobs_of_a_module_until_it_is_told_to_stop(
    scene: World, jobs: AsyncJobs, runner: Any
) -> None:
    session = await scene._stores[0].create("cart", "ann")
    with command(scene.place.url, scene.prefix) as worker:  # type: ignore[union-attr]
        assert await jobs.execute(session, "Tests.Add", timeout=60, a=1, queue="tests") == 2
        worker.send_signal(signal.SIGTERM)
        _, said = await asyncio.to_thread(worker.communicate, timeout=30)
    assert worker.returncode == 0, said
    assert "takes jobs from others, tests" in said


async def test_several_processes_end_with_the_one_that_started_them(
    scene: World, jobs: AsyncJobs, tmp_path: Path, runner: Any
) -> None:
    path = tmp_path / "marks"
    session = await scene._stores[0].create("cart", "ann")
    with command(scene.place.url, scene.prefix, "--processes", "2") as worker:  # type: ignore[union-attr]
        job = await jobs.submit(session, "Tests.Wait", path=str(path), queue="tests")
        await until(lambda: lines(path), "it runs", timeout=60)
        ours = processes_of(worker.pid)
        assert len(ours) == 2
        assert int(lines(path)[0]) in ours
        worker.kill()
        worker.wait(30)
        await until(lambda: not any(map(is_there, ours)), "all have ended", timeout=30)
    assert (await job.info()).state == "queued", "it was given back"


@pytest.mark.parametrize("name", ["Block", "Hog", "HogPlainly"])
async def test_a_process_that_a_job_blocks_ends_with_the_one_that_started_it(
    scene: World, jobs: AsyncJobs, tmp_path: Path, name: str, runner: Any
) -> None:
    path = tmp_path / "marks"
    session = await scene._stores[0].create("cart", "ann")
    more = ("--processes", "2", "--profile", "interactive")
    with command(scene.place.url, scene.prefix, *more) as worker:  # type: ignore[union-attr]
        job = await jobs.submit(session, f"Tests.{name}", path=str(path), seconds=300)
        await until(lambda: lines(path), "it runs", timeout=60)
        ours = descendants(worker.pid)
        assert int(lines(path)[0].split()[-1]) in ours
        worker.kill()
        worker.wait(30)
        await until(lambda: not any(map(is_there, ours)), "all have ended", timeout=40)
    with command(scene.place.url, scene.prefix, "--profile", "interactive") as other:  # type: ignore[union-attr]
        await until(lambda: len(lines(path)) == 2, "it runs elsewhere", timeout=60)
        assert (await job.info()).state == "running"
        for pid in (other.pid, *descendants(other.pid)):
            os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Return the processes that one has started, those that these have started, and so on."""
    found = processes_of(pid)
    return found + [one for each in found for one in descendants(each)]


@pytest.mark.parametrize(
    ("module", "says"), [("no.such.module", "cannot be imported"), ("json", "there is no job")]
)
def test_it_says_what_is_wrong_with_a_module(module: str, says: str, tmp_path: Path) -> None:
    with Standalone(None, tmp_path / "data") as server:
        worker = subprocess.Popen(
            (sys.executable, "-m", "sessionstore", "worker", module, "--url", server.url),
            stderr=subprocess.PIPE,
            text=True,
        )
        with worker:
            _, said = worker.communicate(timeout=60)
        assert worker.returncode == 2
        assert says in said


async def test_it_ends_by_itself_when_the_server_has_gone_for_good(
    tmp_path: Path, runner: Any
) -> None:
    with Standalone(None, tmp_path / "data") as server:
        world = World("embedded", "async", Place(server.url, (server,)))
        jobs = AsyncJobs(await world.connect())
        session = await world._stores[0].create("cart", "ann")
        with command(server.url, world.prefix, "--profile", "interactive") as worker:
            assert await jobs.execute(session, "Tests.Add", timeout=60, a=1, queue="tests") == 2
            server.kill9()
            _, said = await asyncio.to_thread(worker.communicate, timeout=100)
        assert worker.returncode == 2
        assert "the store has not answered" in said
        server.restart()
        await world.close()
        wait_until(lambda: not processes_of(worker.pid), "nothing is left")
