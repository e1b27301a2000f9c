"""While a slot moves to another server, also to one that had none, every call works."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from redis.crc import key_slot

from sessionstore import SessionInUse
from tests.faults.awaited import SHELLS
from tests.faults.test_dead_shard import connected
from tests.support.servers import HOST, Cluster, Standalone, free_port
from tests.support.wait import until, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[Cluster, Standalone]]:
    """Two shards, and a server that has joined them and has no slots yet."""
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster(tmp_path, primaries=2, replicas=0))
        extra = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
        fresh = stack.enter_context(Standalone(None, tmp_path / "fresh", extra=extra))
        fresh.ask("CLUSTER", "MEET", HOST, cluster.nodes[0].port, cluster._bus_ports[0])
        wait_until(
            lambda: all(
                {"cluster_state:ok", "cluster_known_nodes:3"}
                <= set(node.ask("CLUSTER", "INFO").split())
                for node in (*cluster.nodes, fresh)
            ),
            "it has joined",
        )
        yield cluster, fresh


@pytest.mark.parametrize("shell", SHELLS)
def test_sessions_of_a_slot_that_moves_are_opened_saved_and_handed_over(
    cluster: tuple[Cluster, Standalone], prefix: str, shell: str
) -> None:
    async def main() -> None:
        async with connected(shell, shards.url, prefix) as store:
            await store.create("a", data={"n": 0}, open=False)
            held = await store.open("a", lease=2)
            slot = key_slot(store._calls.keys.home(held.sid).session.encode())
            source = shards.primary_of(slot)
            ours, theirs = (node.ask("CLUSTER", "MYID") for node in (source, target))

            target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ours)
            source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", theirs)
            keys = source.ask("CLUSTER", "GETKEYSINSLOT", slot, 1000)
            source.ask("MIGRATE", HOST, target.port, "", 0, 5000, "KEYS", *keys)
            going_on = asyncio.ensure_future(works(store, held))
            # Of several keys, the target wants to have all: until the move is over, it says.
            await until(lambda: "errorstat_TRYAGAIN" in target.info("errorstats"), "it was asked")
            assert not going_on.done()
            target.ask("CLUSTER", "SETSLOT", slot, "NODE", theirs)
            source.ask("CLUSTER", "SETSLOT", slot, "NODE", theirs)
            await going_on

            await works(store, await store.open("a"))
            assert (await store.read("a"))["n"] == 4

    shards, target = cluster
    asyncio.run(main())


async def works(store: Any, held: Any) -> None:
    """Renew a session, save it, and hand it over to one who waits."""
    await held.renew()
    held["n"] += 1
    await held.save()
    waiter = asyncio.ensure_future(opened(store))

    async def in_line() -> bool:
        with pytest.raises(SessionInUse) as caught:
            await store.open("a", wait=0)
        return caught.value.waiting == 1

    await until(in_line, "it is in line")
    await held.close()
    await waiter


async def opened(store: Any) -> None:
    session = await store.open("a", wait=10)
    session["n"] += 1
    await session.close()
