"""Either shell, used with `await`, so that a scene is written once."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sessionstore import AsyncSessionStore
from tests.support.awaitable import AwaitableStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["SHELLS", "connected"]

SHELLS = ("sync", "asyncio")


@asynccontextmanager
async def connected(
    shell: str, url: str, prefix: str, buckets: int, **more: Any
) -> AsyncIterator[Any]:
    """Connect with one of the two shells; the calls of the synchronous one run in threads."""
    where = {"prefix": prefix, "buckets": buckets, **more}
    if shell == "asyncio":
        async with AsyncSessionStore.connect(url, **where) as store:
            yield store
    else:
        async with AwaitableStore.connect(url, **where) as store:
            yield store
