"""From a URL to a client: the one place where redis-py is configured.

The client knows the servers: where the primary is, who has which slots. What is sent goes over
connections that the drivers keep themselves (`connections.py`), made as the client would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import redis
import redis.asyncio
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.exceptions import RedisClusterException
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from sessionstore._redis.errors import Attempts, translated
from sessionstore.errors import ConfigError

__all__ = ["ANSWER_WITHIN", "SCHEMES", "Deployment", "connect", "connect_async"]

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster")
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
    return _connect(url, _standalone, _sentinel, _cluster)


def connect_async(url: str) -> Deployment:
    """Return a client for use in one event loop; nothing is sent yet."""
    return _connect(url, _async_standalone, _async_sentinel, _async_cluster)


def _connect(
    url: str,
    standalone: Callable[[str, dict[str, Any]], Any],
    sentinel: Callable[[list[tuple[str, int]], str, dict[str, Any], dict[str, Any]], Any],
    cluster: Callable[[list[tuple[str, int]], dict[str, Any]], Any],
) -> Deployment:
    try:
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES:
            raise ConfigError(
                f"a store URL begins with {', '.join(f'{scheme}://' for scheme in SCHEMES)}"
                f" or embedded://, not {parts.scheme or 'nothing'!r}"
            )
        if parts.scheme in ("redis", "rediss", "unix"):
            return Deployment(standalone(url, _options()))
        hosts = _hosts(parts.netloc)
        if parts.scheme == "redis+cluster":
            return Deployment(cluster(hosts, _options() | _login(url)), clustered=True)
        service, _, database = parts.path.strip("/").partition("/")
        if not service:
            raise ConfigError("a Sentinel URL ends with the name of the service: .../mymaster")
        login = _login(url) | ({"db": int(database)} if database else {})
        asked = {name: login[name] for name in ("ssl",) if name in login}
        return Deployment(sentinel(hosts, service, _options() | login, _options() | asked))
    except (redis.RedisError, RedisClusterException) as error:  # clusters connect at once
        raise translated(error, Attempts()) from error
    except ValueError as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"a store URL is malformed: {error}") from None


def _options() -> dict[str, Any]:
    return {
        "max_connections": CONNECTIONS,
        "socket_timeout": ANSWER_WITHIN,
        "socket_connect_timeout": ANSWER_WITHIN,
        "health_check_interval": 15,
        "protocol": 3,
        "client_name": "sessionstore",
        "maint_notifications_config": QUIET,
    }


def _hosts(netloc: str) -> list[tuple[str, int]]:
    hosts = []
    for place in netloc.rpartition("@")[2].split(","):
        one = urlsplit(f"//{place}")
        if not one.hostname:
            raise ConfigError("a store URL needs a host, or several with commas between them")
        hosts.append((one.hostname, one.port or 6379))
    return hosts


def _login(url: str) -> dict[str, Any]:
    netloc, query = urlsplit(url).netloc, parse_qs(urlsplit(url).query)
    login: dict[str, Any] = {}
    if "@" in netloc:
        user, _, password = netloc.rpartition("@")[0].partition(":")
        login = {"username": unquote(user) or None, "password": unquote(password) or None}
    if query.get("tls", ["no"])[0] in ("yes", "true", "1"):
        login["ssl"] = True
    return login


# The transport never repeats a command: that is for the driver, which knows what it sends.


def _standalone(url: str, options: dict[str, Any]) -> Any:
    pool = redis.BlockingConnectionPool.from_url(
        url, **options, timeout=5, retry=Retry(NoBackoff(), 0), legacy_responses=False
    )
    return redis.Redis.from_pool(pool)


def _async_standalone(url: str, options: dict[str, Any]) -> Any:
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url, **options, timeout=5, retry=AsyncRetry(NoBackoff(), 0), legacy_responses=False
    )
    return redis.asyncio.Redis.from_pool(pool)


def _sentinel(
    hosts: list[tuple[str, int]], service: str, options: dict[str, Any], asked: dict[str, Any]
) -> Any:
    once = {"retry": Retry(NoBackoff(), 0)}
    sentinels: Any = cast(Any, redis.Sentinel)(
        hosts, sentinel_kwargs=asked | once, min_other_sentinels=0
    )
    return sentinels.master_for(service, **options, **once)


def _async_sentinel(
    hosts: list[tuple[str, int]], service: str, options: dict[str, Any], asked: dict[str, Any]
) -> Any:
    once = {"retry": AsyncRetry(NoBackoff(), 0)}
    sentinels: Any = cast(Any, redis.asyncio.Sentinel)(hosts, sentinel_kwargs=asked | once)
    return sentinels.master_for(service, **options, **once)


def _cluster(hosts: list[tuple[str, int]], options: dict[str, Any]) -> Any:
    return redis.RedisCluster(
        startup_nodes=[cast(Any, ClusterNode)(host, port) for host, port in hosts],
        retry=Retry(NoBackoff(), 0),
        require_full_coverage=False,
        **options,
    )


def _async_cluster(hosts: list[tuple[str, int]], options: dict[str, Any]) -> Any:
    return redis.asyncio.RedisCluster(
        startup_nodes=[AsyncClusterNode(host, port) for host, port in hosts],
        retry=AsyncRetry(NoBackoff(), 0),
        require_full_coverage=False,
        **options,
    )


QUIET = MaintNotificationsConfig(enabled=False)
"""A server that is about to go need not say so: what is lost with a connection is sent again."""
