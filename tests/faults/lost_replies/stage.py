"""Where a scene is played: two stores on one server, one of them behind a proxy that loses replies.

A scene sets the stage, yields the call that is to be tried, is sent its result, and checks. `near`
is the store behind the proxy, of either shell; `plain` is the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from sessionstore import StoreUnavailable
from sessionstore._core.keys import PERMANENT, Keyspace
from sessionstore._core.store import start
from sessionstore._shell.calls import Calls
from sessionstore._shell.context import Context
from tests.faults.awaited import connected
from tests.faults.checks import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from sessionstore import SessionStore
    from tests.support.proxy import How, Proxy

__all__ = ["Scene", "Stage", "begin", "keys_of", "nothing_is_left", "somebody_waits", "told"]

Scene: TypeAlias = AsyncGenerator[Callable[[], Awaitable[Any]], Any]


def told(plain: SessionStore, id: str | None = None) -> list[str]:
    """What has happened, to one session or to all."""
    return [event.kind for event in plain.events() if id in (None, event.id)]


def keys_of(plain: SessionStore, kind: str = "") -> Iterator[str]:
    """The keys of a store, on all nodes; `kind` is what follows the tag, such as `w:`."""
    pattern = f"{{{plain._calls.keys.prefix}:*}}{kind}*"
    for key in plain._driver._deployment.client.scan_iter(pattern, count=1000):
        yield key.decode()


def somebody_waits(plain: SessionStore) -> bool:
    client = plain._driver._deployment.client
    return any(client.llen(key) for key in keys_of(plain, "w:"))


def nothing_is_left(plain: SessionStore) -> None:
    """Check that nobody is in line, and that what is not known as permanent goes away."""
    assert not somebody_waits(plain)
    client = plain._driver._deployment.client
    keys = [key for key in keys_of(plain) if not PERMANENT.fullmatch(key)]
    assert not [key for key in keys if client.pttl(key) == -1], "it never expires"


def begin(prefix: str, *stores: Any) -> None:
    """Move to a new store by the same connections: in a cluster they take long to make."""
    keys = Keyspace(prefix, BUCKETS)
    stores[0]._driver.run(start(keys))
    for store in stores:
        store._context = Context(store._driver, Calls(keys))
        store._calls = store._context.calls


class Stage:
    """Plays scenes, each in a store of its own, over connections that outlive what they suffer."""

    near: Any

    def __init__(self, shell: str, plain: SessionStore, proxy: Proxy, prefix: str) -> None:
        self.shell = shell
        self.plain = plain
        self.proxy = proxy
        self.prefix = prefix
        self.played = 0

    def run(self, play: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run in a loop of its own, with a store behind the proxy."""

        async def main() -> None:
            async with AsyncExitStack() as stack:
                self.near = await self._connected(stack)
                await play()

        asyncio.run(main())

    async def _connected(self, stack: AsyncExitStack) -> Any:
        for _ in range(10):  # a busy machine may take longer than is waited for an answer
            with suppress(StoreUnavailable):
                return await stack.enter_async_context(
                    connected(self.shell, self.proxy.url, self.prefix, BUCKETS)
                )
        raise AssertionError("there is no way through the proxy")

    async def play(self, scene: Callable[[Any, SessionStore], Scene], k: int, how: How) -> int:
        """Play a scene in which the k-th reply is lost; return how many calls there were."""
        self.played += 1
        begin(f"{self.prefix}-{self.played}", self.plain, self.near)
        playing = scene(self.near, self.plain)
        call = await anext(playing)
        if k:
            self.proxy.lose(k, how=how)
        else:
            self.proxy.count()
        result = await call()
        calls = self.proxy.calls
        assert self.proxy.lost == (1 if 0 < k <= calls else 0)
        self.proxy.count()
        with pytest.raises(StopAsyncIteration):
            await playing.asend(result)
        nothing_is_left(self.plain)
        return calls
