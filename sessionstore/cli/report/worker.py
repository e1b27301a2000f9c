"""A worker of the demo, which takes what another has lost within some seconds."""

from __future__ import annotations

import asyncio
import signal

from sessionstore.cli.report import engine
from sessionstore.worker import Profile, Worker

__all__ = ["QUICK", "main"]

QUICK = Profile(lease=2.5, beat=0.5, sweep=0.3)


def main(url: str, prefix: str) -> None:
    """Do jobs until it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who has started it
    assert engine.engine.jobs  # noqa: S101 - what was imported is known to the worker
    asyncio.run(Worker(url, prefix=prefix, profile=QUICK).run())
