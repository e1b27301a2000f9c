"""starsessions 2.2: its `RedisStore` read and written, with its serializer; it locks nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import redis.asyncio
from starsessions import JsonSerializer
from starsessions.stores.redis import RedisStore

from benchmarks.work import ATTRIBUTES, CHANGED, TIMEOUT, next_value


@asynccontextmanager
async def stars(url: str, sessions: int) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Make some sessions; the cycle of one of them."""
    json: Any = JsonSerializer()
    async with redis.asyncio.Redis.from_url(url) as client:
        store: Any = RedisStore(connection=client)
        for number in range(sessions):
            await store.write(f"{number}", json.serialize(ATTRIBUTES), TIMEOUT, TIMEOUT)

        async def cycle(number: int) -> None:
            session = json.deserialize(await store.read(f"{number}", TIMEOUT))
            session[CHANGED] = next_value()
            await store.write(f"{number}", json.serialize(session), TIMEOUT, TIMEOUT)

        yield cycle
