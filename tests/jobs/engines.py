"""Jobs for tests of workers: in a module of their own, which child processes import, too."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tenacity import wait_fixed

from sessionstore.jobs import Engine

tests = Engine("Tests", queue="tests")


def mark(path: str, word: object) -> None:
    """Write a line for the test to see."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{word}\n")


@tests.job("Add")
async def add(job: Any, a: int, b: int = 1) -> int:
    return a + b


@tests.job("AddPlainly")
def add_plainly(job: Any, a: int, b: int = 1) -> int:
    return a + b


@tests.job("Facts")
async def facts(job: Any) -> list[Any]:
    return [job.id, job.session, job.name, job.attempt, job.fence, dict.fromkeys(job.files)]


@tests.job("FactsPlainly")
def facts_plainly(job: Any) -> list[Any]:
    return [job.id, job.session, job.name, job.attempt, job.fence, dict.fromkeys(job.files)]


@tests.job("Tell")
async def tell(job: Any) -> str:
    for at in range(300):
        job.progress(at / 300, "working")
        await asyncio.sleep(0.001)
    job.log("one")
    job.log("two")
    job.status({"rows": 3})
    job.progress(1.0)
    return "told"


@tests.job("TellPlainly")
def tell_plainly(job: Any) -> str:
    for at in range(300):
        job.progress(at / 300, "working")
        time.sleep(0.001)
    job.log("one")
    job.log("two")
    job.status({"rows": 3})
    job.progress(1.0)
    return "told"


@tests.job("Threads")
async def threads(job: Any) -> None:
    """Tell from threads of its own."""

    def work(number: int) -> None:
        for at in range(200):
            job.progress(at / 200)
            if at % 50 == 0:
                job.status([number, at])

    await asyncio.gather(*(asyncio.to_thread(work, number) for number in range(4)))


@tests.job("Fail")
async def fail(job: Any) -> None:
    try:
        {}["below"]
    except KeyError as error:
        raise ValueError("above") from error


@tests.job("FailPlainly")
def fail_plainly(job: Any) -> None:
    try:
        {}["below"]
    except KeyError as error:
        raise ValueError("above") from error


@tests.job("Big")
async def big(job: Any, size: int) -> bytes:
    return bytes(size)


@tests.job("Odd")
async def odd(job: Any) -> object:
    return object()


@tests.job("Exit")
async def leave(job: Any) -> None:
    sys.exit(3)


@tests.job("Flaky", attempts=3, backoff=wait_fixed(0.05))
async def flaky(job: Any) -> int:
    if job.attempt < 3:
        raise OSError("not yet")
    return int(job.attempt)


@tests.job("FlakyPlainly", attempts=3, backoff=wait_fixed(0.05), retry_on=ChildProcessError)
def flaky_plainly(job: Any) -> int:
    if job.attempt < 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return int(job.attempt)


@tests.job("NotThis", attempts=3, retry_on=OSError)
async def not_this(job: Any) -> None:
    raise ValueError("never again")


@tests.job("Late", timeout=0.2)
async def late(job: Any) -> None:
    await asyncio.sleep(60)


@tests.job("LatePlainly", timeout=0.2, grace=2)
def late_plainly(job: Any) -> None:
    time.sleep(60)


@tests.job("Silent", stall_timeout=0.3)
async def silent(job: Any) -> None:
    for _ in range(5):
        job.progress(0)
        await asyncio.sleep(0.1)
    await asyncio.sleep(60)


@tests.job("Wait", grace=2)
async def wait(job: Any, path: str) -> None:
    mark(path, os.getpid())
    try:
        await asyncio.sleep(60)
    finally:
        mark(path, f"{job.stopping.kind}: {job.stopping.reason}" if job.stopping else "?")


@tests.job("WaitPlainly", grace=2)
def wait_plainly(job: Any, path: str) -> None:
    mark(path, os.getpid())
    try:
        time.sleep(60)
    except BaseException as error:
        mark(path, f"{type(error).__name__} {job.stopping.kind}")
        raise


@tests.job("Stubborn", grace=1)
def stubborn(job: Any, path: str) -> None:
    mark(path, os.getpid())
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(60)


@tests.job("Deaf", grace=0.3)
async def deaf(job: Any, path: str) -> None:
    mark(path, os.getpid())
    for _ in range(20):
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            continue


@tests.job("Ask")
async def ask(job: Any, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - of the question
    return await job.ask("colour", {"of": "the sky"}, timeout=timeout, default="grey")


@tests.job("AskPlainly")
def ask_plainly(job: Any, timeout: float | None = None) -> Any:
    return job.ask("colour", {"of": "the sky"}, timeout=timeout, default="grey")


@tests.job("Copy")
async def copy(job: Any) -> int:
    content = await job.files["in"]
    await job.attach("out", content * 2)
    return len(content)


@tests.job("CopyPlainly")
def copy_plainly(job: Any) -> int:
    content = job.files["in"]
    job.attach("out", content * 2)
    return len(content)


NO_NAMES: list[Any] = ["", "x" * 256, "\u00e4" * 128, "a\n", "\0", "\ud800", 5, None, b"a", []]
NAMES = ["..", "../../etc", "/", "a b", "\u00e9", "x" * 255, "*", "?"]
"""A name is no path: who writes such a file down somewhere sees to that."""


@tests.job("Attach")
async def attach(job: Any) -> list[str]:
    raised = []
    for name in NO_NAMES:
        try:
            await job.attach(name, b"1")
        except Exception as error:  # noqa: BLE001 - whatever it is
            raised.append(type(error).__name__)
    for name in [*NAMES, *NAMES]:
        await job.attach(name, f"{name} {len(raised)}".encode())
        raised.append("")
    return raised


@tests.job("AttachPlainly")
def attach_plainly(job: Any) -> list[str]:
    raised = []
    for name in NO_NAMES:
        try:
            job.attach(name, b"1")
        except Exception as error:  # noqa: BLE001 - whatever it is
            raised.append(type(error).__name__)
    for name in [*NAMES, *NAMES]:
        job.attach(name, f"{name} {len(raised)}".encode())
        raised.append("")
    return raised


@tests.job("Pid")
def pid(job: Any) -> int:
    return os.getpid()


@tests.job("Count")
async def count(job: Any, path: str, seconds: float) -> int:
    """Count up in a file until the time is over, and in events."""
    mark(path, f"begin {os.getpid()} {job.fence}")
    for at in range(round(seconds / 0.05)):
        job.status([job.fence, at])
        await asyncio.sleep(0.05)
    mark(path, f"end {os.getpid()}")
    return int(job.fence)


@tests.job("Block")
async def block(job: Any, path: str, seconds: float) -> str:
    """Block the event loop."""
    mark(path, f"begin {os.getpid()}")
    time.sleep(seconds)  # noqa: ASYNC251 - as bad jobs do
    mark(path, "end")
    return "done"


@tests.job("Hog")
async def hog(job: Any, path: str, seconds: int) -> str:
    """Hold the lock of the interpreter."""
    mark(path, f"begin {os.getpid()}")
    ctypes.PyDLL(None).sleep(seconds)
    mark(path, "end")
    return "done"


@tests.job("HogPlainly", grace=1)
def hog_plainly(job: Any, path: str, seconds: int) -> str:
    """Hold the lock of the interpreter of a child."""
    mark(path, f"begin {os.getpid()}")
    ctypes.PyDLL(None).sleep(seconds)
    return "done"


@tests.job("Elsewhere", queue="others")
async def elsewhere(job: Any, path: str, word: str) -> None:
    mark(path, word)
