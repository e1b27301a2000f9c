"""Workers for tests: one in the loop of the test, and real processes that can be killed.

python -m tests.jobs.working URL PREFIX SLOTS
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sessionstore.worker import Profile, Worker
from tests.jobs import engines
from tests.support.wait import until, wait_until
from tests.support.worlds import BUCKETS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["LEASE", "QUICK", "WorkerProcess", "lines", "processes_of", "working"]

LEASE = 2.0
QUICK = Profile(lease=LEASE, beat=0.4, sweep=0.3)
ROOT = Path(__file__).parent.parent.parent
QUEUES = ("tests", "others")


@contextlib.asynccontextmanager
async def working(world: Any, *, slots: int = 4, profile: Profile = QUICK) -> AsyncIterator[Worker]:
    """A worker in this loop; at the end it drains."""
    worker = Worker(
        world.place.url,
        prefix=world.prefix,
        buckets=BUCKETS,
        queues=QUEUES,
        slots=slots,
        profile=profile,
    )
    running = asyncio.ensure_future(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await asyncio.wait([running], timeout=5)
        worker.stop()
        await asyncio.wait_for(running, 20)


class WorkerProcess:
    """A worker in a process of its own, in a session of its own, with all that it starts."""

    def __init__(self, world: Any, *, slots: int = 4) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", "tests.jobs.working", world.place.url, world.prefix, str(slots)),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def said(self) -> str:
        """Return the next line that it says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def signal_all(self, number: int) -> None:
        os.killpg(self.pid, number)

    def family(self) -> list[int]:
        """Return the processes that it has started and that are there."""
        return [
            int(stat.parent.name)
            for stat in Path("/proc").glob("[0-9]*/stat")
            if _is_in_session(stat, self.pid) and int(stat.parent.name) != self.pid
        ]

    def end(self, timeout: float = 30) -> int:
        """Wait until it has ended; return its status."""
        return self._process.wait(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.signal_all(signal.SIGKILL)
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        wait_until(lambda: not self.family(), "all that it started has ended")


def _is_in_session(stat: Path, session: int) -> bool:
    try:
        state, _, _, found, *_ = stat.read_text("utf-8").rpartition(") ")[2].split()
    except (OSError, ValueError):
        return False
    return int(found) == session and state != "Z"


def processes_of(pid: int) -> list[int]:
    """Return the processes that one has started and that are there."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, *_ = stat.read_text("utf-8").rpartition(") ")[2].split()
        except (OSError, ValueError):
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(stat.parent.name))
    return found


def lines(path: Path) -> list[str]:
    """Return what jobs have marked so far."""
    return path.read_text("utf-8").splitlines() if path.exists() else []


async def _main(url: str, prefix: str, slots: int) -> None:
    worker = Worker(url, prefix=prefix, buckets=BUCKETS, queues=QUEUES, slots=slots, profile=QUICK)

    def stop() -> None:
        worker.stop()
        print("stopping", flush=True)

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    running = asyncio.ensure_future(worker.run())
    print(await until(lambda: worker.side, "it renews leases", timeout=60), flush=True)
    await running


if __name__ == "__main__":
    assert engines.tests.jobs
    asyncio.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
