"""A slot under load moves from node to node: nothing is lost, and calls wait for a moment only.

In turn as Valkey 9 does it, all keys at once, and as all others do, key by key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.soak.load import Load, folder
from tests.soak.table import Row
from tests.support.servers import HOST, NOT_YET, Cluster
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.servers import Standalone

__all__ = ["run"]

MOVES = 30
MOMENT = 5.0
"""Seconds for which calls to a slot that moves may have to wait."""


def run(scale: float = 1.0) -> Row:
    moves = max(4, round(MOVES * scale))
    with folder() as directory, Cluster(directory / "cluster", replicas=0) as cluster:
        ways: list[Callable[[Standalone, Standalone, int], None]] = [_key_by_key]
        if _moves_at_once(cluster.nodes[0]):
            ways.append(_at_once)
        with Load(cluster.url, directory, processes=3, lease=None, wait=20) as load:
            slots = _slots(load, cluster)
            for number in range(moves):
                load.goes_on(10)
                slot = slots[number // len(ways) % len(slots)]
                source = cluster.primary_of(slot)
                after = cluster.nodes.index(source) + 1
                target = cluster.nodes[after % len(cluster.nodes)]
                ways[number % len(ways)](source, target, slot)
                wait_until(
                    lambda slot=slot, target=target: _knows(cluster, slot, target),  # type: ignore[misc]
                    "all know where the slot is",
                    timeout=20,
                )
            load.goes_on(10)
        done = load.outcome()
    assert done.stall < MOMENT, f"calls waited for {done.stall:.1f} s"
    assert (done.unknown, done.refused) == (0, 0), done
    assert set(done.failed) <= {"StoreUnavailable"}, done.failed
    refused = done.failed.total()
    assert refused <= moves, f"{refused} calls were refused"
    how = "half of them at once" if len(ways) > 1 else "key by key"
    faults = f"{moves} slots moved, {how}; {refused} calls refused"
    return Row(
        "slot_migration", load.title, faults, done.acknowledged, done.unknown, done.lost, done.stall
    )


def _slots(load: Load, cluster: Cluster) -> list[int]:
    with load.connect() as store:
        keys = [store._calls.keys.named(id, "").session for id in load.ids]
    return sorted({int(cluster.nodes[0].ask("CLUSTER", "KEYSLOT", key)) for key in keys})


def _moves_at_once(node: Standalone) -> bool:
    return int(node.info("server").get("valkey_version", "0").partition(".")[0]) >= 9


def _knows(cluster: Cluster, slot: int, target: Standalone) -> bool:
    return all(
        (node.port == target.port) == _serves(node, slot)
        and any(
            first <= slot <= last and port == target.port
            for first, last, (_, port, *_), *_ in node.ask("CLUSTER", "SLOTS")
        )
        for node in cluster.nodes
    )


def _serves(node: Standalone, slot: int) -> bool:
    own = node.ask("CLUSTER", "MYID")
    return any(
        first <= slot <= last and name == own
        for first, last, (_, _, name, *_), *_ in node.ask("CLUSTER", "SLOTS")
    )


def _at_once(source: Standalone, target: Standalone, slot: int) -> None:
    name = target.ask("CLUSTER", "MYID")
    source.ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", name)


def _key_by_key(source: Standalone, target: Standalone, slot: int) -> None:
    """Do what the command line of the server does."""
    ours, theirs = source.ask("CLUSTER", "MYID"), target.ask("CLUSTER", "MYID")
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ours)
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", theirs)

    def emptied() -> bool:
        keys = source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100)
        if keys:
            source.ask("MIGRATE", HOST, target.port, "", 0, 5000, "KEYS", *keys)
        return not keys

    wait_until(emptied, "all keys have moved", ignore=NOT_YET)
    target.ask("CLUSTER", "SETSLOT", slot, "NODE", theirs)
    source.ask("CLUSTER", "SETSLOT", slot, "NODE", theirs)
