"""From a URL to a driver that works: the server is there, new enough, and the store is the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sessionstore._core import store
from sessionstore._core.keys import Keyspace
from sessionstore._redis.aio import AsyncDriver
from sessionstore._redis.connect import connect, connect_async
from sessionstore._redis.sync import Driver
from sessionstore.config import truth
from sessionstore.embedded import connect_or_start
from sessionstore.errors import ConfigError
from sessionstore.requests import Requests, Undecodable

__all__ = ["connected", "connected_async", "located"]


def connected(
    url: str, prefix: str, buckets: int, *, safe: bool, undecodable: Undecodable
) -> tuple[Driver, Requests]:
    """Return a driver for a store, and its requests."""
    requests = Requests(keys := Keyspace(prefix, buckets), undecodable=undecodable)
    safe = truth(safe, "safe")
    place, revive = located(url)
    driver = Driver(connect(place), revive, safe=safe)
    try:
        driver.check_server()
        driver.run(store.start(keys))
    except BaseException:
        driver.close()
        raise
    return driver, requests


async def connected_async(
    url: str, prefix: str, buckets: int, *, safe: bool, undecodable: Undecodable
) -> tuple[AsyncDriver, Requests]:
    """Return a driver for a store, and its requests."""
    requests = Requests(keys := Keyspace(prefix, buckets), undecodable=undecodable)
    safe = truth(safe, "safe")
    place, revive = located(url)
    driver = AsyncDriver(connect_async(place), revive, safe=safe)
    try:
        await driver.check_server()
        await driver.run(store.start(keys))
    except BaseException:
        await driver.close()
        raise
    return driver, requests


def located(url: str) -> tuple[str, Callable[[], object] | None]:
    """Return the URL of a server that runs, and how to start it again should it be killed."""
    if not isinstance(url, str):
        raise ConfigError("a store URL is a string, such as redis://host")
    if not url.startswith("embedded:"):
        return url, None
    parts = urlsplit(url)
    if parts.netloc or (parts.path and not parts.path.startswith("/")):
        raise ConfigError("the URL of an embedded server is embedded:// or embedded:///dir")
    directory = Path(unquote(parts.path)) if parts.path.strip("/") else None
    start = partial(connect_or_start, directory)
    return start(), start
