"""Jobs that do nothing, for workers that are measured: ours, and taskiq's on a Redis stream.

The first and the last of a run write down when they ran: into the file that the environment names.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

from taskiq_redis import RedisStreamBroker

from sessionstore.jobs import Engine

__all__ = ["broker", "engine", "note", "taskiq_command"]

URL, COUNT, FILE = "BENCHMARK_URL", "BENCHMARK_JOBS", "BENCHMARK_FILE"

engine = Engine("Bench")
_seen: list[float] = []


def note() -> None:
    """Count a job; tell when the first and the last one ran."""
    _seen.append(time.monotonic())
    if len(_seen) == int(os.environ.get(COUNT, "0")):
        Path(os.environ[FILE]).write_text(f"{_seen[0]} {_seen[-1]}", encoding="ascii")


@engine.job("Noop")
async def noop(_job: Any) -> None:
    note()


@engine.job("Now")
async def now(_job: Any) -> float:
    return time.monotonic()  # one clock for all processes of a machine


@engine.job("Tell")
async def tell(job: Any, times: int, pause: float) -> float:
    """Say the time again and again; return the processor time of each, in us."""
    begun = time.process_time()
    for number in range(times):
        job.progress(number / times, repr(time.monotonic()))
        await asyncio.sleep(pause)
    return (time.process_time() - begun) / times * 1e6


def broker(url: str) -> Any:
    """Return taskiq's broker with the same job."""
    made: Any = RedisStreamBroker(url, queue_name="noop")

    async def note_it() -> None:
        note()

    made.register_task(note_it, task_name="noop")
    return made


def __getattr__(name: str) -> Any:
    if name == "taskiq_broker":  # what `taskiq worker` imports
        return broker(os.environ[URL])
    raise AttributeError(name)


def taskiq_command(python: str) -> list[str]:
    """Return how its worker is started: one process, ten at a time."""
    where = f"{__name__}:taskiq_broker"
    options = ["--workers", "1", "--max-async-tasks", "10", "--log-level", "ERROR"]
    return [python, "-m", "taskiq", "worker", where, *options]
