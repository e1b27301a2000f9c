"""Telling a forked child from its parent, without asking the system each time."""

from __future__ import annotations

import os

__all__ = ["generation"]

_generation = 0


def generation() -> int:
    """Return how many forks lie between this process and the one that imported the library."""
    return _generation


def _forked() -> None:
    global _generation  # noqa: PLW0603 - the one fact of a process that a fork changes
    _generation += 1


os.register_at_fork(after_in_child=_forked)
