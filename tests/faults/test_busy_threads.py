"""However many ask at once: each has its turn, nobody is refused, and every lease is renewed."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from typing import TYPE_CHECKING

import pytest

from sessionstore import AsyncSessionStore, SessionStore
from tests.faults.checks import BUCKETS

if TYPE_CHECKING:
    from tests.support.worlds import Place

LEASE = 2.0
"""Of what is held: a machine with other work lets a loop with so many tasks wait for a second."""

SECONDS = 1.7 * LEASE
THREADS = 48
TASKS = 2_000
HELD = ("h0", "h1", "h2", "h3", "h4")

pytestmark = pytest.mark.slow


def fair(done: list[int]) -> bool:
    print(f"{sum(done)} requests; least {min(done)}, median {statistics.median(done)}")
    return min(done) > statistics.median(done) / 4


def test_more_threads_than_connections(place: Place, prefix: str) -> None:
    with SessionStore.connect(place.url, prefix=prefix, buckets=BUCKETS) as store:
        for id in (*HELD, *(f"s{number}" for number in range(THREADS))):
            store.create(id, data={"n": 0}, open=False)
        held = [store.open(id, lease=LEASE) for id in HELD]
        done = [0] * THREADS
        failures: list[BaseException] = []
        end = time.monotonic() + SECONDS

        def work(number: int) -> None:
            try:
                while time.monotonic() < end:
                    with store.open(f"s{number}") as session:
                        session["n"] = done[number]
                    done[number] += 1
            except BaseException as error:  # noqa: BLE001 - the test tells of it
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert fair(done)
        for session in held:
            session["n"] = 1
            session.close()


def test_more_tasks_than_go_into_the_connections(place: Place, prefix: str) -> None:
    async def main() -> None:
        async with AsyncSessionStore.connect(place.url, prefix=prefix, buckets=BUCKETS) as store:
            for id in HELD:
                await store.create(id, data={"n": 0}, open=False)
            held = [await store.open(id, lease=LEASE) for id in HELD]
            made = [store.create(f"s{number}", open=False) for number in range(TASKS)]
            await asyncio.gather(*map(asyncio.ensure_future, made))
            done = [0] * TASKS
            end = time.monotonic() + SECONDS

            async def work(number: int) -> None:
                while time.monotonic() < end:
                    async with store.open(f"s{number}") as session:
                        session["n"] = done[number]
                    done[number] += 1

            await asyncio.gather(*map(work, range(TASKS)))
            assert fair(done)
            for session in held:
                session["n"] = 1
                await session.close()

    asyncio.run(main())
