"""Declaring: a worker says how its jobs want to be submitted, for callers without their code."""

from __future__ import annotations

import asyncio
import logging

from sessionstore._core.jobs import declaring
from sessionstore._core.operation import batch
from sessionstore._redis.aio import AsyncDriver
from sessionstore._shell.context import Context
from sessionstore.errors import SessionStoreError
from sessionstore.jobs.engine import known_definitions

__all__ = ["declare_for_ever"]

log = logging.getLogger("sessionstore.worker")

EVERY = 86_400
AFTER_AN_ERROR = 5


async def declare_for_ever(context: Context[AsyncDriver]) -> None:
    """Declare all jobs that this process knows, and again each day."""
    while True:
        told = [
            declaring.declare(context.keys, one.name, one.declared) for one in known_definitions()
        ]
        try:
            await context.driver.run(batch(told))
        except SessionStoreError as error:
            log.warning("the jobs of this worker were not declared: %s", error)
            await asyncio.sleep(AFTER_AN_ERROR)
        else:
            await asyncio.sleep(EVERY)
