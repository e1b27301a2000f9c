"""What ids look like, and what people may see of them."""

from __future__ import annotations

import re

__all__ = ["GENERATED", "shown"]

GENERATED = re.compile(r"([A-Za-z0-9_-]{2})\.[A-Za-z0-9_-]{22}")
"""A generated id: its bucket, and 132 random bits."""


def shown(id: str) -> str:
    """Return an id as people may read it: a name, or the beginning of a generated one."""
    return repr(f"{id[:7]}…" if GENERATED.fullmatch(id) else id)
