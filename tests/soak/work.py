"""What the processes of a load do: count sessions up, and write down what they are told."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sessionstore import (
    AsyncSessionStore,
    LeaseLost,
    SessionStore,
    SessionStoreError,
    StoreUnavailable,
)
from tests.faults.checks import BUCKETS
from tests.soak.journal import CLOSING, FAILED, LOST, OPEN, SURE, TRYING, UNKNOWN, Journal

if TYPE_CHECKING:
    from sessionstore import AsyncSession, Session
    from tests.support.processes import Pipe

__all__ = ["Task", "add", "add_async", "add_forking", "add_times"]

TASKS = 5
"""How many tasks an asyncio process has."""


class Task(NamedTuple):
    """What a process needs to know; its name is also the attribute that it alone counts up."""

    name: str
    url: str
    prefix: str
    directory: str
    ids: tuple[str, ...]
    owner: str
    wait: float
    lease: float | None
    reads: int
    """How often it looks at a session that it holds: so long it holds it."""
    safe: bool = False

    @property
    def journal(self) -> Journal:
        return Journal(Path(self.directory), self.name)

    def connect(self) -> SessionStore:
        return SessionStore.connect(self.url, prefix=self.prefix, buckets=BUCKETS, safe=self.safe)


def count_up(session: Session | AsyncSession, name: str) -> None:
    """One update: the total, what this process did of it, and the fence that did it."""
    before = session["fence"]
    assert session.fence > before, f"{session.fence} comes after {before}"
    session["n"] += 1
    session[name] = session.get(name, 0) + 1
    session["fence"] = session.fence


def told(error: SessionStoreError) -> tuple[str, str]:
    """What an error of a close means, and its name."""
    name = type(error).__name__
    if isinstance(error, LeaseLost):
        return LOST, name
    if isinstance(error, StoreUnavailable) and error.unknown:
        return UNKNOWN, name
    return FAILED, name


def add_once(store: SessionStore, journal: Journal, task: Task, id: str) -> bool:
    """Count a session up once; True if that is acknowledged."""
    begun = time.monotonic()
    journal.note(TRYING, 0, id)
    try:
        session = store.open(id, task.owner, wait=task.wait, lease=task.lease)
    except SessionStoreError as error:
        journal.note(FAILED, 0, id, why=type(error).__name__)
        return False
    journal.note(OPEN, 0, id, begun, session.fence)
    with suppress(SessionStoreError):
        for _ in range(task.reads):
            store.read(id, task.owner)
    try:
        count_up(session, task.name)
        journal.note(CLOSING, 0, id, begun, session.fence)
        session.close()
    except SessionStoreError as error:
        with suppress(SessionStoreError):
            session.discard()
        kind, why = told(error)
        journal.note(kind, 0, id, begun, session.fence, why)
        return False
    journal.note(SURE, 0, id, begun, session.fence)
    return True


def add(pipe: Pipe, task: Task) -> None:
    """Count random sessions up until told to stop."""
    chance, journal = random.Random(task.name), task.journal
    with task.connect() as store:
        pipe.send("ready")
        while not pipe.poll():
            add_once(store, journal, task, chance.choice(task.ids))
    pipe.send("done")


def add_times(pipe: Pipe, task: Task, times: int) -> None:
    """Do so a number of times."""
    chance, journal = random.Random(task.name), task.journal
    with task.connect() as store:
        pipe.send("ready")
        pipe.recv()
        for _ in range(times):
            add_once(store, journal, task, chance.choice(task.ids))
    pipe.send("done")


def add_async(pipe: Pipe, task: Task) -> None:
    """Do so in several tasks until told to stop."""
    journal = task.journal

    async def add_one(store: AsyncSessionStore, number: int, id: str) -> None:
        begun = time.monotonic()
        journal.note(TRYING, number, id)
        try:
            session = await store.open(id, task.owner, wait=task.wait, lease=task.lease)
        except SessionStoreError as error:
            journal.note(FAILED, number, id, why=type(error).__name__)
            return
        journal.note(OPEN, number, id, begun, session.fence)
        try:
            count_up(session, task.name)
            journal.note(CLOSING, number, id, begun, session.fence)
            await session.close()
        except SessionStoreError as error:
            with suppress(SessionStoreError):
                await session.discard()
            kind, why = told(error)
            journal.note(kind, number, id, begun, session.fence, why)
        else:
            journal.note(SURE, number, id, begun, session.fence)

    async def go_on(store: AsyncSessionStore, number: int) -> None:
        chance = random.Random(f"{task.name}-{number}")
        while not pipe.poll():
            await add_one(store, number, chance.choice(task.ids))
            await asyncio.sleep(0)

    async def main() -> None:
        async with AsyncSessionStore.connect(
            task.url, prefix=task.prefix, buckets=BUCKETS, safe=task.safe
        ) as store:
            pipe.send("ready")
            await asyncio.gather(*(go_on(store, number) for number in range(TASKS)))

    asyncio.run(main())
    pipe.send("done")


def add_forking(pipe: Pipe, task: Task) -> None:
    """Do so in a thread, while children are forked that do so with the same store object."""
    journal = task.journal
    enough = threading.Event()
    forked = 0
    with task.connect() as store:

        def go_on() -> None:
            chance = random.Random(task.name)
            while not enough.is_set():
                add_once(store, journal, task, chance.choice(task.ids))

        thread = threading.Thread(target=go_on)
        thread.start()
        pipe.send("ready")
        try:
            while not pipe.poll():
                forked += 1
                child = task._replace(name=f"{task.name}-{forked}")
                _await(_fork(store, child))
        finally:
            enough.set()
            thread.join()
    pipe.send(forked)


def _fork(store: SessionStore, task: Task) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads and forks: what is tried
        pid = os.fork()
    if pid:
        return pid
    signal.alarm(30)
    status = 1
    try:
        chance, journal = random.Random(task.name), task.journal
        for _ in range(5):
            add_once(store, journal, task, chance.choice(task.ids))
        status = 0
    finally:
        os._exit(status)


def _await(pid: int) -> None:
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "a forked child failed"
