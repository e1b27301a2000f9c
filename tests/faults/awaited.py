"""The synchronous store with the face of the asyncio one, so that a scene is written once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sessionstore import AsyncSessionStore, Session, SessionStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["SHELLS", "connected"]

SHELLS = ("sync", "asyncio")


@asynccontextmanager
async def connected(
    shell: str, url: str, prefix: str, buckets: int, **more: Any
) -> AsyncIterator[Any]:
    """Connect with one of the two shells; either is used with `await`."""
    if shell == "asyncio":
        async with AsyncSessionStore.connect(url, prefix=prefix, buckets=buckets, **more) as store:
            yield store
    else:
        with SessionStore.connect(url, prefix=prefix, buckets=buckets, **more) as store:
            yield Awaited(store)


class Awaited:
    def __init__(self, inner: SessionStore | Session) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        async def call(*given: Any, **named: Any) -> Any:
            result = found(*given, **named)
            return Awaited(result) if isinstance(result, (Session, SessionStore)) else result

        return call

    def __getitem__(self, name: str) -> Any:
        return self._inner[name]  # type: ignore[index]

    def __setitem__(self, name: str, value: Any) -> None:
        self._inner[name] = value  # type: ignore[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._inner)  # type: ignore[arg-type]
