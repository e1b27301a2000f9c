"""From a URL to a driver that works: the server is there, new enough, and the store is the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from sessionstore._checks import truth
from sessionstore._core import store
from sessionstore._core.keys import Keyspace
from sessionstore._redis.aio import AsyncDriver
from sessionstore._redis.connect import connect, connect_async
from sessionstore._redis.sync import Driver
from sessionstore._shell.calls import Calls, Undecodable
from sessionstore._shell.context import Context
from sessionstore.embedded import connect_or_start, restart_if_killed
from sessionstore.errors import ConfigError

__all__ = ["connected", "connected_async", "located"]

EMBEDDED = "embedded:"


def connected(
    url: str, prefix: str, buckets: int, *, safe: bool, undecodable: Undecodable, create: bool
) -> Context[Driver]:
    """Return the context of a store for the application itself."""
    calls = Calls(keys := Keyspace(prefix, buckets), undecodable=undecodable)
    safe, create = truth(safe, "safe"), truth(create, "create")
    place, revive = located(url, create=create)
    driver = Driver(connect(place), revive, safe=safe)
    try:
        driver.check_server()
        driver.run(store.start(keys, create=create))
    except BaseException:
        driver.close()
        raise
    return Context(driver, calls)


async def connected_async(
    url: str, prefix: str, buckets: int, *, safe: bool, undecodable: Undecodable, create: bool
) -> Context[AsyncDriver]:
    """Return the context of a store for the application itself."""
    calls = Calls(keys := Keyspace(prefix, buckets), undecodable=undecodable)
    safe, create = truth(safe, "safe"), truth(create, "create")
    locate = partial(located, url, create=create)
    # A server of ours may have to be started, and read its data: the event loop goes on.
    ours = str(url).startswith(EMBEDDED)
    place, revive = await asyncio.to_thread(locate) if ours else locate()
    driver = AsyncDriver(connect_async(place), revive, safe=safe)
    try:
        await driver.check_server()
        await driver.run(store.start(keys, create=create))
    except BaseException:
        await driver.close()
        raise
    return Context(driver, calls)


def located(url: str, *, create: bool = True) -> tuple[str, Callable[[], object] | None]:
    """Return the URL of a server that runs, and how to start it again should it be killed.

    Without `create`, an embedded server is not started where there has been none.
    """
    if not isinstance(url, str):
        raise ConfigError("a store URL is a string, such as redis://host")
    if not url.startswith(EMBEDDED):
        return url, None
    path = unquote(url.removeprefix(EMBEDDED).removeprefix("//"))
    if (path and not path.startswith("/")) or "\0" in path or set("?#") & set(url):
        raise ConfigError(
            "the URL of an embedded server is embedded:// or embedded:///dir, with ? and # as %3F"
            " and %23"
        )
    directory = Path(path) if path.strip("/") else None
    return connect_or_start(directory, create=create), partial(restart_if_killed, directory)
