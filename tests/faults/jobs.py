"""What the child processes of these tests do; each gets the pipe to its test first."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from sessionstore import AsyncSessionStore, LeaseLost, Session, SessionStore, SessionStoreError
from tests.faults.checks import BUCKETS

if TYPE_CHECKING:
    from tests.support.processes import Pipe


def connect(url: str, prefix: str) -> SessionStore:
    return SessionStore.connect(url, prefix=prefix, buckets=BUCKETS)


def leave_a_loop(pipe: Pipe, url: str, prefix: str) -> None:
    """End an event loop while tasks of it open and close a session."""

    async def busy(store: AsyncSessionStore) -> None:
        while True:
            async with store.open("a", wait=5) as session:
                session["n"] += 1

    async def main() -> None:
        store = await AsyncSessionStore.connect(url, prefix=prefix, buckets=BUCKETS)
        tasks = [asyncio.ensure_future(busy(store)) for _ in range(10)]
        while (await store.read("a"))["n"] < 20:
            pass
        assert not any(task.done() for task in tasks)
        pipe.send("left")

    asyncio.run(main())


def add_many(pipe: Pipe, number: int, url: str, prefix: str, times: int) -> None:
    """When told, open a session that all others open too, add to it, and say what was seen."""
    with connect(url, prefix) as store:
        pipe.send("ready")
        pipe.recv()
        seen = []
        for _ in range(times):
            with store.open("a", wait=60) as session:
                assert store.read("a").info.fence == session.fence
                session["n"] += 1
                session["who"] = (number, session.fence)
                seen.append((session["n"], session.fence))
                session.save()
                assert store.read("a")["who"] == (number, session.fence)
        pipe.send(seen)


def hold(pipe: Pipe, url: str, prefix: str, lease: float, wait: float) -> None:
    """Open a session, mark it, say so, and do with it what one is told."""
    with connect(url, prefix) as store:
        pipe.send("ready")
        session = store.open("a", wait=wait, lease=lease)
        session["marks"] = [*session["marks"], session.fence]
        session.save()
        pipe.send(session.fence)
        while word := pipe.recv():
            try:
                session["marks"] = [*session["marks"], "late"]
                getattr(session, word)()
            except LeaseLost:
                pipe.send("lost")
            else:
                pipe.send("done")


def add_until_told(pipe: Pipe, url: str, prefix: str, lease: float) -> None:
    """Add to a session again and again; tell how many landed for sure, and all errors."""
    with connect(url, prefix) as store:
        sure = 0
        errors: list[str] = []
        pipe.send("ready")
        while not pipe.poll():
            try:
                with store.open("a", wait=5, lease=lease) as session:
                    session["n"] += 1
                sure += 1
            except SessionStoreError as error:
                errors.append(f"{type(error).__name__} {getattr(error, 'unknown', '')} {error}")
        pipe.send((sure, errors))


def add_until_told_async(pipe: Pipe, url: str, prefix: str, lease: float) -> None:
    """Do the same from ten tasks."""
    sure = 0
    errors: list[str] = []

    async def one(store: AsyncSessionStore) -> None:
        nonlocal sure
        while not pipe.poll():
            try:
                async with store.open("a", wait=5, lease=lease) as session:
                    session["n"] += 1
                sure += 1
            except SessionStoreError as error:
                errors.append(f"{type(error).__name__} {getattr(error, 'unknown', '')} {error}")

    async def main() -> None:
        async with AsyncSessionStore.connect(url, prefix=prefix, buckets=BUCKETS) as store:
            pipe.send("ready")
            await asyncio.gather(*(one(store) for _ in range(10)))

    asyncio.run(main())
    pipe.send((sure, errors))


def create_when_told(pipe: Pipe, number: int, url: str, prefix: str, opened: bool) -> None:
    """Create a session each time a round begins, and say whether it was refused; end it if told."""
    with connect(url, prefix) as store:
        pipe.send("ready")
        made: list[Session] = []
        while (round_ := pipe.recv()) is not None:
            if round_ == "end":
                for session in made:
                    store.delete(session.id, owner=session.owner)
                    session.close()
                made.clear()
                pipe.send("ended")
                continue
            owner = f"ann{round_}"
            try:
                made.append(store.create(f"r{round_}-{number}", owner=owner, open=opened))
                pipe.send("made")
            except SessionStoreError as error:
                pipe.send(type(error).__name__)


def crowd_in_line(pipe: Pipe, url: str, prefix: str, count: int, wait: float) -> None:
    """Wait for a session with so many threads at once; those that get it close it."""
    with connect(url, prefix) as store, ThreadPoolExecutor(count) as threads:

        def one(_: int) -> None:
            with store.open("a", wait=wait):
                pass

        pipe.send("ready")
        list(threads.map(one, range(count)))
        pipe.send("done")


def crowd_of_tasks_in_line(pipe: Pipe, url: str, prefix: str, count: int, wait: float) -> None:
    """Do the same with so many tasks."""

    async def one(store: AsyncSessionStore) -> None:
        async with store.open("a", wait=wait):
            pass

    async def main() -> None:
        async with AsyncSessionStore.connect(url, prefix=prefix, buckets=BUCKETS) as store:
            pipe.send("ready")
            await asyncio.gather(*(one(store) for _ in range(count)))

    asyncio.run(main())
    pipe.send("done")


def configure_when_told(pipe: Pipe, number: int, url: str, prefix: str) -> None:
    """Set limits each time a round begins: those of its own number."""
    with connect(url, prefix) as store:
        pipe.send("ready")
        while (round_ := pipe.recv()) is not None:
            private = None if (round_ + number) % 3 == 0 else 10 + number
            store.configure(max_per_owner=number + 1, max_private=private)
            pipe.send(store.parameters())


def wait_in_line(pipe: Pipe, number: int, url: str, prefix: str, wait: float) -> None:
    """Wait for a session, say which number got it, and close it when told."""
    with connect(url, prefix) as store:
        pipe.send("ready")
        pipe.recv()
        with store.open("a", wait=wait) as session:
            session["marks"] = [*session["marks"], number]
            with suppress(EOFError):
                pipe.send(session.fence)
