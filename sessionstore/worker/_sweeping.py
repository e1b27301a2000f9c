"""Sweeping: what all workers of a store do in turn, each for all."""

from __future__ import annotations

import asyncio
import logging
import random

from sessionstore._core import store
from sessionstore._core.jobs import flows
from sessionstore._redis.aio import AsyncDriver
from sessionstore._shell.context import Context
from sessionstore.errors import SessionStoreError
from sessionstore.worker._profile import Profile

__all__ = ["sweep_for_ever"]

log = logging.getLogger("sessionstore.worker")

PARTS = 6
"""So many turns does it take until all sessions were looked at; their ends are less urgent."""


async def sweep_for_ever(context: Context[AsyncDriver], profile: Profile) -> None:
    """Look for jobs that were lost and sessions that are over, whenever it is this one's turn.

    A turn ends by itself, so a worker that dies with it costs that turn and nothing else.
    """
    keys, driver = context.keys, context.driver
    some = -(-len(keys.buckets) // PARTS)
    while True:
        await asyncio.sleep(profile.sweep * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
        try:
            turn = store.take_turn(keys, "sweep", round(profile.sweep * 900))
            if await driver.do(turn):
                await driver.run(flows.sweep(keys, keys.buckets))
                await driver.run(context.calls.sweep(some))
        except SessionStoreError as error:
            log.warning("a sweep was not finished: %s", error)
