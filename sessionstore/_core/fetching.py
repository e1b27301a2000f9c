"""Whether an open has the session read right behind its script, or in it.

Behind is cheaper for the server. But whoever is refused is sent the session all the same. That is
right as long as it is small, or nobody is refused.
"""

from __future__ import annotations

from sessionstore._core.operation import Fetch

__all__ = ["Fetching"]

LARGE = 16 << 10
"""Bytes that are too many to be sent for nothing."""

PAUSE = 1000
"""Opens after such a refusal that read in the script."""


class Fetching:
    """What opens of one process have learnt; whoever comes at the same time may miss some of it."""

    def __init__(self) -> None:
        self._pause = 0

    def behind(self, key: str, status: bytes) -> Fetch | None:
        """Return how to read a session behind a script; None: it is to be read in the script."""
        if self._pause:
            self._pause -= 1
            return None
        return Fetch(key, status, self._in_vain)

    def _in_vain(self, size: int) -> None:
        if size > LARGE:
            self._pause = PAUSE
