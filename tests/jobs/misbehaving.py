"""Plain jobs that do to their process what no job should; child processes import them, too."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from sessionstore import SessionStoreError
from sessionstore.jobs import Engine
from tests.jobs.engines import mark

bad = Engine("Bad", queue="tests")

LINE = 1
"""Where a child process is told the number of its socket."""


def ended(pid: int) -> int:
    """Return how a copy has ended, or -1000 if it is still there after a while."""
    for _ in range(500):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    return -1000


class Hostile(Exception):
    """An error that leaves when it is asked what it says."""

    def __str__(self) -> str:
        raise SystemExit(3)


@bad.job("Hostile")
async def hostile(job: Any) -> None:
    raise Hostile


@bad.job("HostilePlainly")
def hostile_plainly(job: Any) -> None:
    raise Hostile


@bad.job("Fork")
def fork(job: Any, leave: bool = False) -> int:
    """Return from both copies, or leave one of them with an error of its own."""
    copy = os.fork()
    if not copy and leave:
        sys.exit(3)
    return ended(copy) if copy else 0


@bad.job("ForkTells")
def fork_tells(job: Any) -> list[int]:
    """Tell and ask from a copy; it says by its status how often it was refused."""
    copy = os.fork()
    if copy:
        return [ended(copy)]
    refused = 0
    for tell in (
        lambda: job.status("from the copy"),
        lambda: job.ask("from the copy", timeout=0.1),
        lambda: job.files["in"],
    ):
        try:
            tell()
        except SessionStoreError:
            refused += 1
    os._exit(refused)


@bad.job("ForkTerminated")
def fork_terminated(job: Any) -> int:
    ours, theirs = os.pipe()
    copy = os.fork()
    if not copy:
        os.write(theirs, b"it runs")
        while True:
            time.sleep(60)
    os.read(ours, 7)
    os.kill(copy, signal.SIGTERM)
    return ended(copy)


@bad.job("LeaveOneBehind")
def leave_one_behind(job: Any, path: str, line: bool = False) -> None:
    """Start a process that stays, perhaps with the line to the worker, and be killed."""
    given: list[int] = []
    if line:
        given.append(os.dup(int(sys.argv[LINE])))
        os.set_inheritable(given[0], True)
    other = subprocess.Popen(("sleep", "60"), close_fds=line, pass_fds=given)
    mark(path, other.pid)
    os.kill(os.getpid(), signal.SIGKILL)


@bad.job("Write")
def write(job: Any, data: bytes) -> None:
    """Write into the line to the worker."""
    os.write(int(sys.argv[LINE]), data)
    time.sleep(60)


@bad.job("AskAside")
def ask_aside(job: Any) -> str:
    """Return while a thread still asks."""
    threading.Thread(target=job.ask, args=("aside",), daemon=True).start()
    while not job._teller._asked:
        time.sleep(0.001)
    return "over"


@bad.job("TellAside")
def tell_aside(job: Any) -> int:
    """Return while a thread tells and attaches, for ever."""

    def work() -> None:
        while True:
            with contextlib.suppress(SessionStoreError):
                job.status("aside")
                job.attach("aside", b"aside")

    threading.Thread(target=work, daemon=True).start()
    return os.getpid()


@bad.job("WaitBesideAThread", grace=60)
def wait_beside_a_thread(job: Any, path: str) -> None:
    """Wait, while a thread tells all the time."""

    def work() -> None:
        while True:
            job.progress(0.5)

    threading.Thread(target=work, daemon=True).start()
    mark(path, os.getpid())
    while True:
        time.sleep(60)


@bad.job("ReadTogether")
def read_together(job: Any, times: int) -> int:
    """Read files in several threads; return how often one has got another's."""
    wrong = 0

    def work(name: str) -> None:
        nonlocal wrong
        for _ in range(times):
            wrong += job.files[name] != name.encode()

    threads = [threading.Thread(target=work, args=(name,)) for name in job.files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong
