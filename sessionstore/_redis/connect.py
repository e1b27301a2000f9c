"""From a URL to a client: the one place where redis-py is configured.

The client knows the servers: where the primary is, who has which slots. What is sent goes over
connections that the drivers keep themselves (`connections.py`), made as the client would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
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

from sessionstore._redis.errors import Attempts, translated
from sessionstore._redis.urls import Place, parse_url

__all__ = ["ANSWER_WITHIN", "Deployment", "connect", "connect_async"]

ANSWER_WITHIN = 2.0
"""Seconds within which the server must connect and answer."""

CONNECTIONS = 20
"""How many to one server, for all that is done at once."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A client of one server, of the primary that sentinels name, or of a cluster."""

    client: Any
    clustered: bool = False
    shebang: bool = True
    """Whether the engine knows the first line of our scripts; every real server does."""
    awaited: Callable[[], Deployment] | None = field(default=None, repr=False)
    """Of a client for synchronous use: makes the same for use in an event loop."""

    def source(self, place: str) -> Any:
        """Return what knows how to connect to the server at a place, such as `host:port`.

        It is a pool of redis-py, or a node of its cluster: both have a `connection_class`, the
        `connection_kwargs` for it, and say how many there may be, `max_connections`.
        """
        if not self.clustered:
            return self.client.connection_pool
        nodes = self.client.nodes_manager
        host, _, port = place.rpartition(":")
        if isinstance(self.client, redis.asyncio.RedisCluster):
            node = AsyncClusterNode(host, int(port), **nodes.connection_kwargs)
            node.connection_kwargs["retry"] = AsyncRetry(NoBackoff(), 0)
            return node
        return nodes.create_redis_node(
            host, int(port), maint_notifications_config=QUIET, **nodes.connection_kwargs
        ).connection_pool

    def clients(self) -> Iterator[Any]:
        """Return all that must be closed: also the clients of the sentinels that were asked."""
        yield self.client
        pool = getattr(self.client, "connection_pool", None)
        yield from getattr(getattr(pool, "sentinel_manager", None), "sentinels", ())


def connect(url: str) -> Deployment:
    """Return a client for synchronous use; only one of a cluster sends something yet."""
    deployment = _connect(parse_url(url), _standalone, _sentinel, _cluster)
    return replace(deployment, awaited=partial(connect_async, url))


def connect_async(url: str) -> Deployment:
    """Return a client for use in one event loop; nothing is sent yet."""
    return _connect(parse_url(url), _async_standalone, _async_sentinel, _async_cluster)


def _connect(
    place: Place,
    standalone: Callable[[Place, dict[str, Any]], Any],
    sentinel: Callable[[Place, dict[str, Any], dict[str, Any]], Any],
    cluster: Callable[[Place, dict[str, Any]], Any],
) -> Deployment:
    login: dict[str, Any] = {"username": place.username, "password": place.password}
    encrypted = {"ssl": True, **place.options} if place.tls else {}
    try:
        if place.scheme == "redis+cluster":
            return Deployment(cluster(place, _options() | login | encrypted), clustered=True)
        login["db"] = place.database
        if place.scheme == "redis+sentinel":
            asked = _options() | encrypted
            return Deployment(sentinel(place, asked | login, asked))
        return Deployment(standalone(place, _options() | login | place.options))
    except (redis.RedisError, RedisClusterException) as error:  # clusters connect at once
        raise translated(error, Attempts()) from error


def _options() -> dict[str, Any]:
    # No health checks: a call over a lost connection is repeated anyway, and a server whose disk is
    # full refuses the PING that they send, though it could be read. And RESP2: a hash comes as a
    # list, out of which a dict is made at once; hiredis makes the dict of RESP3 item by item.
    return {
        "max_connections": CONNECTIONS,
        "socket_timeout": ANSWER_WITHIN,
        "socket_connect_timeout": ANSWER_WITHIN,
        "protocol": 2,
        "client_name": "sessionstore",
        "maint_notifications_config": QUIET,
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
    once = {"retry": Retry(NoBackoff(), 0)}
    sentinels: Any = cast(Any, redis.Sentinel)(
        place.hosts, sentinel_kwargs=asked | once, min_other_sentinels=0
    )
    return sentinels.master_for(place.path, **options, **once)


def _async_sentinel(place: Place, options: dict[str, Any], asked: dict[str, Any]) -> Any:
    once = {"retry": AsyncRetry(NoBackoff(), 0)}
    sentinels: Any = cast(Any, redis.asyncio.Sentinel)(place.hosts, sentinel_kwargs=asked | once)
    return sentinels.master_for(place.path, **options, **once)


def _cluster(place: Place, options: dict[str, Any]) -> Any:
    return redis.RedisCluster(
        startup_nodes=[cast(Any, ClusterNode)(host, port) for host, port in place.hosts],
        retry=Retry(NoBackoff(), 0),
        require_full_coverage=False,
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
"""A server that is about to go need not say so: what is lost with a connection is sent again."""
