"""Starting the processes of a worker: never by a fork, for this one has threads."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process

__all__ = ["start_module"]


async def start_module(
    module: str, *, pass_fds: tuple[int, ...] = (), arguments: tuple[str, ...] = ()
) -> Process:
    """Start a module of ours in an interpreter of its own, which finds what this one finds."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        module,
        *arguments,
        stdin=PIPE,
        stdout=None if pass_fds else PIPE,
        pass_fds=pass_fds,
        env=environment,
    )
