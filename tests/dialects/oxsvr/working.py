"""Workers for the tests of jobs: the pool's engines and one of our own, in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sessionstore import AsyncSessionStore, JobFailed
from sessionstore.jobs import Engine
from sessionstore.worker import Profile, Worker
from tests.support.worlds import BUCKETS
from workers.acting import Desk
from workers.krn import kernel
from workers.lic import licensing

__all__ = ["working"]

QUICK = Profile(lease=2, beat=0.5, sweep=0.5)

engine = Engine("Test")


@engine.job("Echo")
async def echo(job: Any, **given: Any) -> dict[str, Any]:
    for name in job.files:
        await job.attach(f"{name}.copy", await job.files[name])
    return given


@engine.job("Fail")
async def fail(job: Any, how: str = "") -> None:
    if how == "plain":
        raise ValueError("five is no colour")
    top = {"code": 7, "text": "no such table", "source": "dms", "line": 12, "info": ["a", "b"]}
    raise JobFailed("", errors=(top, {**top, "code": 8, "text": "no such archive"}))


@engine.job("Tell")
async def tell(job: Any) -> str:
    job.progress(0.5, "half")
    job.status({"page": 1})
    job.log("a line")
    return "told"


@engine.job("Ask")
async def ask(job: Any) -> Any:
    return await job.ask("colour", {"of": "the sky"}, timeout=20, default="none")


@engine.job("Stay")
async def stay(job: Any) -> None:
    job.status("staying")
    await asyncio.Event().wait()


@contextmanager
def working(url: str, prefix: str) -> Iterator[None]:
    """Have a worker in a thread."""
    worker = Worker(url, prefix=prefix, buckets=BUCKETS, profile=QUICK)
    loop = asyncio.new_event_loop()

    async def work() -> None:
        async with AsyncSessionStore.connect(url, prefix=prefix, buckets=BUCKETS) as store:
            desk = Desk(store)
            kernel(desk)
            licensing(desk, {"ASC": 10})
            await worker.run()

    thread = threading.Thread(target=lambda: loop.run_until_complete(work()))
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(worker.stop)
        loop.call_soon_threadsafe(worker.stop)
        thread.join()
        loop.close()
