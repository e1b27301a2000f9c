"""Jobs: how many are done and submitted in a second, how soon one is begun, how soon it is heard.

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
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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

STEADY = 0.06
"""Between two progresses, in s: just so long that each of them is sent."""

WORKER = [sys.executable, "-m", "sessionstore", "worker", "benchmarks.peers.noop", "--url"]


def run(quick: bool) -> Iterator[Result]:
    with EmbeddedServer() as server, SessionStore.connect(server.url) as store:
        store.configure(max_jobs=None)
        yield end_to_end(server.url, 2_000 if quick else 10_000, 3 if quick else 7)
        yield submitting(server.url, store, 200 if quick else 1_000, 3 if quick else 7)
        yield picked_up(server.url, store, 40 if quick else 300)
        yield heard(server.url, store, 40 if quick else 300)


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
    def worked(submitting: Coroutine[Any, Any, object], command: list[str]) -> float:
        asyncio.run(submitting)
        with tempfile.TemporaryDirectory() as directory:
            told = Path(directory) / "told"
            environment = {noop.COUNT: str(jobs), noop.FILE: str(told), noop.URL: url}
            with running(command, **environment):
                while not told.exists() or not told.read_text("ascii"):
                    time.sleep(0.05)
            first, last = map(float, told.read_text("ascii").split())
        return jobs / (last - first)

    medians, found = alternate(
        {
            OURS: lambda: worked(fill(url, jobs), [*WORKER, url]),
            TASKIQ: lambda: worked(fill_taskiq(url, jobs), noop.taskiq_command(sys.executable)),
        },
        rounds,
    )
    return Result(
        "jobs that do nothing, end to end, one worker process, ten at a time",
        "jobs/s",
        medians,
        (at_least(1.5, ratios(found, OURS, TASKIQ), f"x {TASKIQ}"),),
    )


async def fill(url: str, jobs: int, into: str = "default") -> float:
    """Submit jobs of some sessions, a hundred at a time; return how many a second."""
    async with AsyncSessionStore.connect(url) as store:
        sessions = [await store.create(owner=f"u{n}", open=False) for n in range(SESSIONS)]
        submit = AsyncJobs(store).submit
        begun = time.perf_counter()
        for first in range(0, jobs, 100):
            numbers = range(first, min(first + 100, jobs))
            await asyncio.gather(
                *(submit(sessions[n % SESSIONS].sid, "Bench.Noop", queue=into) for n in numbers)
            )
        return jobs / (time.perf_counter() - begun)


async def together(url: str, jobs: int) -> float:
    """Submit jobs of some sessions, a hundred in one step; return how many a second."""
    async with AsyncSessionStore.connect(url) as store:
        sessions = [await store.create(owner=f"u{n}", open=False) for n in range(SESSIONS)]
        submit_many = AsyncJobs(store).submit_many
        begun = time.perf_counter()
        await asyncio.gather(
            *(
                submit_many(sessions[n % SESSIONS].sid, "Bench.Noop", [{}] * 100, queue="rest")
                for n in range(jobs // 100)
            )
        )
        return jobs / (time.perf_counter() - begun)


async def fill_taskiq(url: str, jobs: int) -> None:
    broker = noop.broker(url)
    await broker.startup()
    task = broker.find_task("noop")
    for first in range(0, jobs, 100):
        await asyncio.gather(*(task.kiq() for _ in range(first, min(first + 100, jobs))))
    await broker.shutdown()


def submitting(url: str, store: SessionStore, times: int, rounds: int) -> Result:
    broker: Any = RedisBroker
    dramatiq.set_broker(broker(client=redis.Redis.from_url(url)))
    actor = dramatiq.actor(actor_name="noop")(lambda: None)
    session = store.create(owner="ann", timeout=3600, open=False)
    jobs = Jobs(store)

    medians, found = alternate(
        {
            OURS: lambda: rate(lambda: jobs.submit(session.sid, "Bench.Noop", queue="rest"), times),
            f"{OURS}, many together": lambda: asyncio.run(together(url, times * 5)),
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


def heard(url: str, store: SessionStore, times: int) -> Result:
    """From a progress in a worker to the handler of a sink in this process, of either shell."""
    session = store.create(owner="cid", timeout=3600, open=False)
    parameters: dict[str, Any] = {"times": times + 3, "pause": STEADY}
    taken: dict[str, list[float]] = {"sync": [], "async": []}

    def told(shell: str) -> Any:
        def handler(_type: str, body: Any, _user_data: Any) -> None:
            taken[shell].append((time.monotonic() - float(body["text"])) * 1000)

        return handler

    def plainly() -> float:
        jobs = Jobs(store)
        with jobs.sink(session.sid, told("sync"), types=["progress"]):
            job = jobs.submit(session.sid, "Bench.Tell", parameters, queue="heard")
            return float(job.result(timeout=times))

    async def awaited() -> float:
        async with AsyncSessionStore.connect(url) as other:
            jobs = AsyncJobs(other)
            async with await jobs.sink(session.sid, told("async"), types=["progress"]):
                job = await jobs.submit(session.sid, "Bench.Tell", parameters, queue="heard")
                return float(await job.result(timeout=times))

    spent: dict[str, str] = {}
    with running([*WORKER, url, "--queues", "heard"]):
        for shell, work in (("sync", plainly), ("async", lambda: asyncio.run(awaited()))):
            begun = time.process_time()
            worker = work()
            own = (time.process_time() - begun) / times * 1e6
            spent[f"CPU of the worker and of the sink, {shell}"] = f"{worker:.0f}, {own:.0f} us"
    return Result(
        "from a progress of a job to a handler in another process",
        "ms",
        {
            f"p{at}, {shell}": percentile(found[3:], at)
            for shell, found in taken.items()
            for at in (50, 99)
        },
        (at_most(2.0, taken["sync"][3:], "ms, p50"), at_most(2.0, taken["async"][3:], "ms, p50")),
        {"events": times, **spent},
    )
