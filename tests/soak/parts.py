"""The parts of the soak by name, in the order in which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.soak import (
    contention,
    failover,
    forks_and_flushes,
    holder_kills,
    holder_pauses,
    server_kills,
    slot_migration,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.soak.table import Row

__all__ = ["PARTS"]

PARTS: dict[str, Callable[[float], Row]] = {
    "server_kills": server_kills.run,
    "holder_kills": holder_kills.run,
    "holder_pauses": holder_pauses.run,
    "forks_and_flushes": forks_and_flushes.run,
    "contention": contention.run,
    "failover_cluster": failover.run_cluster,
    "failover_sentinel": failover.run_sentinel,
    "slot_migration": slot_migration.run,
}
