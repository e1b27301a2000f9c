"""The parts of the soak by name, in the order in which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.soak import (
    clock,
    contention,
    failover,
    forks_and_flushes,
    holder_kills,
    holder_pauses,
    server_kills,
    slot_migration,
)
from tests.soak.faketime import library

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.soak.table import Row

__all__ = ["PARTS", "missing"]

PARTS: dict[str, Callable[[float], Row]] = {
    "server_kills": server_kills.run,
    "holder_kills": holder_kills.run,
    "holder_pauses": holder_pauses.run,
    "forks_and_flushes": forks_and_flushes.run,
    "contention": contention.run,
    "failover_cluster": failover.run_cluster,
    "failover_sentinel": failover.run_sentinel,
    "failover_tail": failover.run_tail,
    "failover_safe": failover.run_safe,
    "slot_migration": slot_migration.run,
    "clock": clock.run,
}


def missing(part: str) -> str:
    """Return what a part needs that this machine lacks, or nothing."""
    return clock.MISSING if part == "clock" and not library() else ""
