"""From a URL to clients: the one place where redis-py is configured.

Every store has two clients: one for commands, and one for the blocking read of a waiter, which
holds its connection for as long as it waits and must be given more time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import redis
import redis.asyncio
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.asyncio.connection import Connection as AsyncConnection
from redis.asyncio.connection import SSLConnection as AsyncSSLConnection
from redis.asyncio.connection import UnixDomainSocketConnection as AsyncUnixDomainSocketConnection
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import RedisClusterException
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from sessionstore._core.flows import RECHECK
from sessionstore._redis.errors import Attempts, translated
from sessionstore._redis.urls import Place, parse_url

__all__ = ["ANSWER_WITHIN", "Clients", "connect", "connect_async"]

ANSWER_WITHIN = 2.0
"""Seconds within which the server must connect and answer."""

COMMAND_CONNECTIONS = 20
WAITING_CONNECTIONS = 500


@dataclass(frozen=True, slots=True)
class Clients:
    """A pair of clients of one deployment."""

    commands: Any
    waiting: Any
    clustered: bool = False
    shebang: bool = True
    """Whether the engine knows the first line of our scripts; every real server does."""

    def all(self) -> Iterator[Any]:
        """Return all that must be closed: also the clients of the sentinels that were asked."""
        for client in (self.commands, self.waiting):
            yield client
            pool = getattr(client, "connection_pool", None)
            yield from getattr(getattr(pool, "sentinel_manager", None), "sentinels", ())


def connect(url: str) -> Clients:
    """Return clients for synchronous use; nothing is sent yet, but to a cluster."""
    return _connect(parse_url(url), _standalone, _sentinel, _cluster)


def connect_async(url: str) -> Clients:
    """Return clients for use in one event loop; nothing is sent yet."""
    return _connect(parse_url(url), _async_standalone, _async_sentinel, _async_cluster)


def _connect(
    place: Place,
    standalone: Callable[[Place, dict[str, Any]], Any],
    sentinel: Callable[[Place, dict[str, Any], dict[str, Any]], Any],
    cluster: Callable[[Place, dict[str, Any]], Any],
) -> Clients:
    def make(answer_within: float, connections: int) -> Any:
        options = _options(answer_within, connections)
        login: dict[str, Any] = {"username": place.username, "password": place.password}
        encrypted = {"ssl": True, **place.options} if place.tls else {}
        if place.scheme == "redis+cluster":
            return cluster(place, options | login | encrypted)
        login["db"] = place.database
        if place.scheme == "redis+sentinel":
            return sentinel(place, options | login | encrypted, options | encrypted)
        return standalone(place, options | login | place.options)

    try:
        return Clients(
            make(ANSWER_WITHIN, COMMAND_CONNECTIONS),
            make(RECHECK / 1000 + 5, WAITING_CONNECTIONS),
            clustered=place.scheme == "redis+cluster",
        )
    except (redis.RedisError, RedisClusterException) as error:  # clusters connect at once
        raise translated(error, Attempts()) from error


def _options(answer_within: float, connections: int) -> dict[str, Any]:
    # No health checks: a call over a lost connection is repeated anyway, and a server whose disk is
    # full refuses the PING that they send, though it could be read.
    return {
        "max_connections": connections,
        "socket_timeout": answer_within,
        "socket_connect_timeout": ANSWER_WITHIN,
        "protocol": 3,
        "client_name": "sessionstore",
    }


# The transport never repeats a command: that is for the driver, which knows what it sends.


def _standalone(place: Place, options: dict[str, Any]) -> Any:
    kinds = {"rediss": SSLConnection, "unix": UnixDomainSocketConnection}
    pool = cast(Any, redis.BlockingConnectionPool)(
        connection_class=kinds.get(place.scheme, Connection),
        **_server(place),
        **options,
        timeout=5,
        retry=Retry(NoBackoff(), 0),
        legacy_responses=False,
    )
    return redis.Redis.from_pool(pool)


def _async_standalone(place: Place, options: dict[str, Any]) -> Any:
    kinds = {"rediss": AsyncSSLConnection, "unix": AsyncUnixDomainSocketConnection}
    pool = redis.asyncio.BlockingConnectionPool(
        connection_class=kinds.get(place.scheme, AsyncConnection),
        **_server(place),
        **options,
        timeout=5,
        retry=AsyncRetry(NoBackoff(), 0),
        legacy_responses=False,
    )
    return redis.asyncio.Redis.from_pool(pool)


def _server(place: Place) -> dict[str, Any]:
    if place.scheme == "unix":
        return {"path": place.path}
    return dict(zip(("host", "port"), place.hosts[0], strict=True))


def _sentinel(place: Place, options: dict[str, Any], asked: dict[str, Any]) -> Any:
    once = {"retry": Retry(NoBackoff(), 0), "maint_notifications_config": QUIET}
    sentinels: Any = cast(Any, redis.Sentinel)(
        place.hosts, sentinel_kwargs=asked | once, min_other_sentinels=0
    )
    return sentinels.master_for(place.path, **options, **once)


def _async_sentinel(place: Place, options: dict[str, Any], asked: dict[str, Any]) -> Any:
    once = {"retry": AsyncRetry(NoBackoff(), 0), "maint_notifications_config": QUIET}
    sentinels: Any = cast(Any, redis.asyncio.Sentinel)(place.hosts, sentinel_kwargs=asked | once)
    return sentinels.master_for(place.path, **options, **once)


def _cluster(place: Place, options: dict[str, Any]) -> Any:
    return redis.RedisCluster(
        startup_nodes=[cast(Any, ClusterNode)(host, port) for host, port in place.hosts],
        retry=Retry(NoBackoff(), 0),
        require_full_coverage=False,
        maint_notifications_config=QUIET,
        **options,
    )


def _async_cluster(place: Place, options: dict[str, Any]) -> Any:
    return redis.asyncio.RedisCluster(
        startup_nodes=[AsyncClusterNode(host, port) for host, port in place.hosts],
        retry=AsyncRetry(NoBackoff(), 0),
        require_full_coverage=False,
        **options,
    )


QUIET = MaintNotificationsConfig(enabled=False)
