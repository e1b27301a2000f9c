"""A report is made while its session waits for it: progress comes live, a logout stops it.

    python -m examples.report [URL of a store]

The worker is in this program, to have it in one place; in earnest it is `sessionstore worker
yourapp.engines`, on as many machines as you like. What plain functions do is done in a process of
its own, so that one that hangs can be killed.
"""

import asyncio
import sys
from typing import Any

from sessionstore import AsyncSessionStore
from sessionstore.embedded import EmbeddedServer
from sessionstore.jobs import AsyncJobs, Engine
from sessionstore.worker import Worker

reports = Engine("Reports")


@reports.job("Render", attempts=3, timeout=60)
async def render(job: Any, pages: int) -> dict[str, int]:
    for page in range(1, pages + 1):
        await asyncio.sleep(0.1)
        job.progress(page / pages, f"page {page}")
    return {"pages": pages}


class Screen:
    """Shows what is told, in order; the end of the session is always told, and last."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    async def show(self, kind: str, body: Any, user: str) -> None:
        text = f"{body['fraction']:.0%}" if kind == "progress" else body
        print(f"{user}  {kind}: {text}")
        if kind == "session-ended":
            self.over.set()


async def use(store: AsyncSessionStore) -> None:
    jobs, screen = AsyncJobs(store), Screen()
    session = await store.create(owner="alice", open=False)
    types = ("progress", "result", "cancelled")
    async with await jobs.sink(session, screen.show, types=types, user_data="alice"):
        job = await jobs.submit(session, "Reports.Render", pages=4)
        await job.result(timeout=30)

        job = await jobs.submit(session, "Reports.Render", pages=500)  # takes most of a minute
        await store.delete(session.id)
        await screen.over.wait()
        print(f"the other one is {await job.state}")


async def main(url: str) -> None:
    async with AsyncSessionStore.connect(url) as store:
        worker = Worker(url)
        working = asyncio.create_task(worker.run())
        await use(store)
        worker.stop()
        await working


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(sys.argv[1]))
    else:
        with EmbeddedServer() as server:
            asyncio.run(main(server.url))
