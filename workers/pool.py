"""A worker with the engines of this repository."""

import asyncio
import signal
from collections.abc import Sequence

from sessionstore import AsyncSessionStore
from sessionstore.worker import Profile, Worker
from workers.acting import Desk
from workers.krn import kernel
from workers.lic import Licences, licensing

__all__ = ["work"]


async def work(
    url: str,
    *,
    prefix: str,
    buckets: int,
    queues: Sequence[str],
    slots: int,
    profile: Profile | str,
    administrators: frozenset[str],
    licences: Licences,
) -> None:
    """Do jobs until SIGTERM or SIGINT; at the second of them, give back what runs."""
    async with AsyncSessionStore.connect(url, prefix=prefix, buckets=buckets) as store:
        desk = Desk(store, administrators)
        kernel(desk)
        licensing(desk, licences)
        worker = Worker(
            url, prefix=prefix, buckets=buckets, queues=queues, slots=slots, profile=profile
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, worker.stop)
        print(f"worker {worker.name} is ready", flush=True)
        await worker.run()
