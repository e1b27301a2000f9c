"""One shard of a cluster is dead or hangs: the sessions of all others do not notice."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from redis.crc import key_slot

from sessionstore import AsyncSessionStore, SessionStoreError, StoreUnavailable
from tests.faults.awaited import SHELLS
from tests.support.awaitable import AwaitableStore
from tests.support.servers import Cluster
from tests.support.wait import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

LEASE = 2.0
"""As short as a server that hangs makes a call wait."""

BUCKETS = 16
SESSIONS = 24
CROWD = 30
"""More calls than there are connections to one server."""

PROMPT = 1.0
"""Seconds that a call to a healthy shard takes at most."""

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Three shards without replicas; each serves its slots whatever happens to the others."""
    with Cluster(tmp_path, replicas=0, extra=("--cluster-require-full-coverage", "no")) as cluster:
        yield cluster


@asynccontextmanager
async def connected(shell: str, url: str, prefix: str) -> AsyncIterator[Any]:
    """Connect; the calls of the synchronous shell run in threads, and do not block each other."""
    kind: Any = AsyncSessionStore if shell == "asyncio" else AwaitableStore
    connecting = kind.connect(url, prefix=prefix, buckets=BUCKETS)
    store = await connecting if shell == "asyncio" else connecting
    try:
        yield store
    finally:
        await store.close()


def on_shard(store: Any, cluster: Cluster, id: str) -> Any:
    """Return the server that has a session."""
    return cluster.primary_of(key_slot(store._calls.keys.home(f":{id}").session.encode()))


@pytest.mark.parametrize("way", ["hangs", "is killed"])
@pytest.mark.parametrize("shell", SHELLS)
def test_leases_and_calls_on_healthy_shards_go_on(
    cluster: Cluster, prefix: str, shell: str, way: str
) -> None:
    async def main() -> None:
        async with connected(shell, cluster.url, prefix) as store:
            victim = cluster.nodes[0]
            held: dict[str, Any] = {}
            for number in range(SESSIONS):
                await store.create(f"s{number}", data={"n": 0}, open=False)
                held[f"s{number}"] = await store.open(f"s{number}", lease=LEASE)
            there = {id for id in held if on_shard(store, cluster, id) is victim}
            free = next(
                id
                for id in (f"free{number}" for number in range(100))
                if on_shard(store, cluster, id) is not victim
            )
            await store.create(free, data={"n": 0}, open=False)
            assert there
            assert held.keys() - there
            victim.pause() if way == "hangs" else victim.kill9()
            try:
                begun = time.monotonic()
                lost = itertools.islice(itertools.cycle(there), CROWD)
                crowd = [asyncio.ensure_future(hopeless(store, id)) for id in lost]
                while time.monotonic() < begun + 2.5 * LEASE:
                    asked = time.monotonic()
                    async with store.open(free, wait=0) as session:
                        session["n"] += 1
                    assert time.monotonic() - asked < PROMPT
                for id in held.keys() - there:
                    held[id]["n"] = 1
                    await held[id].close()
                    assert (await store.read(id))["n"] == 1
            finally:
                victim.resume()
                await asyncio.gather(*crowd)
                if way == "is killed":
                    for id in there:
                        with suppress(SessionStoreError):
                            await held[id].close()
            if way == "hangs":
                await renewed_again(store, next(iter(there)))

    asyncio.run(main())


@pytest.mark.parametrize("shell", SHELLS)
def test_a_sweep_ends_what_is_due_on_healthy_shards(
    cluster: Cluster, prefix: str, shell: str
) -> None:
    def due() -> int:
        return sum(
            int(node.ask("ZCARD", key))
            for node in cluster.nodes[1:]
            for key in node.ask("KEYS", f"{{{prefix}:*}}x")
        )

    async def main() -> None:
        async with connected(shell, cluster.url, prefix) as store:
            for number in range(SESSIONS):
                await store.create(f"s{number}", timeout=0.001, open=False)
            assert due()
            cluster.nodes[0].kill9()
            with pytest.raises(StoreUnavailable):
                await store.sweep()
            assert not due()

    asyncio.run(main())


async def hopeless(store: Any, id: str) -> None:
    """Call a shard that does not answer."""
    with suppress(SessionStoreError):
        await store.read(id)


async def renewed_again(store: Any, id: str) -> None:
    """See that a session of a shard that hung is renewed like all others when it works again."""
    session = await store.open(id, wait=5, lease=LEASE / 2)
    first = session._lease_end

    async def renewed() -> bool:
        info = (await store.read(id)).info
        assert info.fence == session.fence
        return bool(info.held_until.timestamp() * 1000 > first + LEASE * 1000)

    await until(renewed, "its lease is renewed")
    await session.close()
