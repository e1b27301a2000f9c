"""Jobs: how many a worker does, how fast they are submitted, how soon an idle worker has one.

The peers do less: their jobs belong to nobody, and tell nothing on the way.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from benchmarks.measuring import Result, alternate, at_least, at_most, percentile, rate, ratios
from benchmarks.peers import noop
from sessionstore import AsyncSessionStore, SessionStore
from sessionstore.embedded import EmbeddedServer
from sessionstore.jobs import AsyncJobs, Jobs

OURS, TASKIQ, DRAMATIQ = "sessionstore", "taskiq-redis 1.2 stream", "dramatiq 2.2"
SESSIONS = 20
PROMPT = 2.0
"""Between two submissions to a worker that has nothing to do, in s: at random, up to this / 20."""

WORKER = [sys.executable, "-m", "sessionstore", "worker", "benchmarks.peers.noop", "--url"]


def run(quick: bool) -> Iterator[Result]:
    with EmbeddedServer() as server, SessionStore.connect(server.url) as store:
        store.configure(max_jobs=None)
        yield end_to_end(server.url, 2_000 if quick else 10_000, 3 if quick else 7)
        yield submitting(server.url, store, 200 if quick else 1_000, 3 if quick else 7)
        yield picked_up(server.url, store, 40 if quick else 300)


@contextmanager
def running(command: list[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker, with the processes that it starts, until the block is left."""
    worker = subprocess.Popen(command, env={**os.environ, **environment}, start_new_session=True)
    try:
        yield worker
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def end_to_end(url: str, jobs: int, rounds: int) -> Result:
    found_cpu: dict[str, list[float]] = {OURS: [], TASKIQ: []}

    def worked(name: str, submit: Callable[[], object], command: list[str]) -> float:
        submit()
        with tempfile.TemporaryDirectory() as directory:
            told = Path(directory) / "told"
            before = sum(os.times()[2:4])
            environment = {noop.COUNT: str(jobs), noop.FILE: str(told), noop.URL: url}
            with running(command, **environment):
                while not told.exists() or not told.read_text("ascii"):
                    time.sleep(0.05)
            found_cpu[name].append((sum(os.times()[2:4]) - before) / jobs * 1e6)
            first, last = map(float, told.read_text("ascii").split())
        return jobs / (last - first)

    medians, found = alternate(
        {
            OURS: lambda: worked(OURS, lambda: asyncio.run(fill(url, jobs)), [*WORKER, url]),
            TASKIQ: lambda: worked(
                TASKIQ,
                lambda: asyncio.run(fill_taskiq(url, jobs)),
                noop.taskiq_command(sys.executable),
            ),
        },
        rounds,
    )
    return Result(
        "jobs that do nothing, end to end, one worker process, ten at a time",
        "jobs/s",
        medians,
        (at_least(1.5, ratios(found, OURS, TASKIQ), f"x {TASKIQ}"),),
        {
            f"CPU of the worker a job, start included, {name} (us)": round(percentile(cpu, 50))
            for name, cpu in found_cpu.items()
        },
    )


async def fill(url: str, jobs: int) -> None:
    """Submit jobs of some sessions."""
    async with AsyncSessionStore.connect(url) as store:
        await store.configure(max_jobs=None)
        sessions = [await store.create(owner=f"u{n}", open=False) for n in range(SESSIONS)]
        submit = AsyncJobs(store).submit
        for first in range(0, jobs, 100):
            numbers = range(first, min(first + 100, jobs))
            await asyncio.gather(
                *(submit(sessions[n % SESSIONS].sid, "Bench.Noop") for n in numbers)
            )


async def fill_taskiq(url: str, jobs: int) -> None:
    broker = noop.broker(url)
    await broker.startup()
    task = broker.find_task("noop")
    for first in range(0, jobs, 100):
        await asyncio.gather(*(task.kiq() for _ in range(first, min(first + 100, jobs))))
    await broker.shutdown()


def submitting(url: str, store: SessionStore, times: int, rounds: int) -> Result:
    dramatiq.set_broker(RedisBroker(client=redis.Redis.from_url(url)))
    actor = dramatiq.actor(lambda: None, actor_name="noop")
    session = store.create(owner="ann", timeout=3600, open=False)
    jobs = Jobs(store)

    def together() -> float:
        begun = time.perf_counter()
        asyncio.run(fill(url, times * 5))
        return times * 5 / (time.perf_counter() - begun)

    medians, found = alternate(
        {
            OURS: lambda: rate(lambda: jobs.submit(session.sid, "Bench.Noop", queue="rest"), times),
            f"{OURS}, many together": together,
            DRAMATIQ: lambda: rate(actor.send, times),
        },
        rounds,
    )
    return Result(
        "submitting jobs",
        "jobs/s",
        medians,
        (
            at_least(1.0, ratios(found, OURS, DRAMATIQ), f"x {DRAMATIQ}, one by one"),
            at_least(
                5.0, ratios(found, f"{OURS}, many together", DRAMATIQ), f"x {DRAMATIQ}, together"
            ),
        ),
    )


def picked_up(url: str, store: SessionStore, times: int) -> Result:
    session = store.create(owner="bob", timeout=3600, open=False)
    jobs, taken = Jobs(store), []
    with running([*WORKER, url, "--queues", "prompt"]):
        for number in range(times + 3):
            begun = time.monotonic()
            ran = jobs.submit(session.sid, "Bench.Now", queue="prompt").result(timeout=30)
            if number >= 3:
                taken.append((ran - begun) * 1000)
            time.sleep((begun * 1e3 % 1) * PROMPT / 20)
    return Result(
        "from a submission to the first line of the job, idle worker",
        "ms",
        {f"p{at}": percentile(taken, at) for at in (50, 99)},
        (at_most(1.5, taken, "ms, p50"),),
        {"jobs": times},
    )
