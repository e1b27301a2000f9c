"""The work that is measured: load a session of 10 attributes (about 1 KB), change one, save it."""

from __future__ import annotations

from itertools import count

__all__ = ["ATTRIBUTES", "CHANGED", "next_value"]

ATTRIBUTES: dict[str, object] = {f"attribute{number}": "x" * 95 for number in range(10)}
CHANGED = "attribute3"

_numbers = count()


def next_value() -> str:
    """Return a new value for the attribute that changes, as long as the old one."""
    return f"{next(_numbers):095d}"
