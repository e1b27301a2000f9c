"""The primary dies under load, behind Sentinel and in a cluster: calls go on, and fences rise."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import TYPE_CHECKING, Self

import pytest

from sessionstore import (
    AsyncSessionStore,
    LeaseLost,
    SessionInUse,
    SessionStore,
    SessionStoreError,
    StoreUnavailable,
)
from tests.faults.checks import BUCKETS
from tests.support.servers import Cluster, Sentinels
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# redis-py forgets connections to servers that it strikes off while it learns of the new primary.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("forgotten_connections_die_here"),
]

LEASE = 1.0
BACK_WITHIN = 15.0


@pytest.fixture
def forgotten_connections_die_here() -> Iterator[None]:
    yield
    gc.collect()  # or they would be blamed on a later test


class Load:
    """Threads and tasks that each add to a session of its own, and what they are told."""

    def __init__(self, store: SessionStore, url: str, ids: list[str]) -> None:
        self.errors: list[SessionStoreError] = []
        self.fences: dict[str, list[int]] = {id: [] for id in ids}
        self._store = store
        self._enough = threading.Event()
        tasks, threads = ids[::2], ids[1::2]
        self._threads = [threading.Thread(target=self._add, args=(id,)) for id in threads]
        self._threads.append(
            threading.Thread(target=asyncio.run, args=(self._add_async(url, tasks),))
        )

    def _add(self, id: str) -> None:
        while not self._enough.is_set():
            try:
                with self._store.open(id, wait=2, lease=LEASE) as session:
                    self.fences[id].append(session.fence)
                    session["n"] += 1
            except SessionStoreError as error:
                self.errors.append(error)

    async def _add_async(self, url: str, ids: list[str]) -> None:
        async def add(store: AsyncSessionStore, id: str) -> None:
            while not self._enough.is_set():
                try:
                    async with store.open(id, wait=2, lease=LEASE) as session:
                        self.fences[id].append(session.fence)
                        session["n"] += 1
                except SessionStoreError as error:
                    self.errors.append(error)

        prefix = self._store._calls.keys.prefix
        async with AsyncSessionStore.connect(url, prefix=prefix, buckets=BUCKETS) as store:
            await asyncio.gather(*(add(store, id) for id in ids))

    def all_go_on(self) -> None:
        """Wait until every thread has done some more."""
        before = {id: len(fences) for id, fences in self.fences.items()}
        wait_until(
            lambda: all(len(self.fences[id]) > count + 20 for id, count in before.items()),
            "all go on",
            timeout=BACK_WITHIN,
        )

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()


def fail_over(store: SessionStore, url: str, kill: Callable[[], None]) -> Load:
    ids = [f"s{number}" for number in range(6)]
    for id in ids:
        store.create(id, data={"n": 0}, open=False)
    stale = store.create("stale", data={"n": 0})
    with Load(store, url, ids) as load:
        load.all_go_on()
        kill()
        begun = time.monotonic()
        load.all_go_on()
        assert time.monotonic() - begun < BACK_WITHIN
    for id, fences in load.fences.items():
        assert fences == sorted(set(fences)), f"the fences of {id} rise"
    for error in load.errors:
        # One that was opened without its caller knowing is in use until that lease is over.
        assert isinstance(error, (StoreUnavailable, LeaseLost, SessionInUse)), repr(error)
    stale["n"] = 1
    stale.close()
    assert store.read("stale")["n"] == 1
    return load


def test_calls_go_on_after_the_primary_behind_sentinel_was_killed(
    tmp_path: Path, prefix: str
) -> None:
    with (
        Sentinels(tmp_path) as sentinels,
        SessionStore.connect(sentinels.url, prefix=prefix, buckets=BUCKETS) as store,
    ):
        fail_over(store, sentinels.url, sentinels.primary.kill9)


def test_calls_go_on_after_a_primary_of_a_cluster_was_killed(tmp_path: Path, prefix: str) -> None:
    with (
        Cluster(tmp_path) as cluster,
        SessionStore.connect(cluster.url, prefix=prefix, buckets=BUCKETS) as store,
    ):
        slot = cluster.nodes[0].ask("CLUSTER", "KEYSLOT", store._calls.keys.named("s0", "").session)
        fail_over(store, cluster.url, lambda: cluster.kill(cluster.primary_of(int(slot))))
