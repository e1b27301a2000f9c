"""Telling a forked child from its parent, without asking the system each time."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["generation", "reset_in_child"]


class Resets(Protocol):
    """What a forked child begins anew, because it cannot share it with its parent."""

    def reset(self) -> None:
        """Forget all, without asking for a lock: a thread that is not here may have it."""


generation = 0
"""How many forks lie between this process and the one that imported the library."""

_of_this_process: WeakSet[Resets] = WeakSet()


def reset_in_child(one: Resets) -> None:
    """Have something reset in every forked child, before that does anything else."""
    _of_this_process.add(one)


def _forked() -> None:
    global generation  # noqa: PLW0603 - the one fact of a process that a fork changes
    generation += 1
    for one in tuple(_of_this_process):
        one.reset()


os.register_at_fork(after_in_child=_forked)
