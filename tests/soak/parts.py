"""The parts of the soak by name, in the order in which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.soak import (
    contention,
    forks_and_flushes,
    holder_kills,
    holder_pauses,
    server_kills,
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
}
