"""From a URL to clients: the one place where redis-py is configured.

Every store has two clients: one for commands, and one for the blocking read of a waiter, which
holds its connection for as long as it waits and must be given more time.
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

from sessionstore._core.flows import RECHECK
from sessionstore._redis.errors import Attempts, translated
from sessionstore.errors import ConfigError

__all__ = ["ANSWER_WITHIN", "SCHEMES", "Clients", "connect", "connect_async"]

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster")
ANSWER_WITHIN = 2.0
"""Seconds within which the server must connect and answer."""

LOGIN = frozenset({"db", "username", "password"})
CERTIFICATES = frozenset(
    {
        *("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_password"),
        *("ssl_cert_reqs", "ssl_check_hostname", "ssl_min_version"),
    }
)
OPTIONS = {"redis": LOGIN, "unix": LOGIN, "rediss": LOGIN | CERTIFICATES}
"""What may follow a `?`, where it is not `tls` alone: the rest of redis-py's would undo ours."""

TLS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}

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
    """Return clients for synchronous use; nothing is sent yet."""
    return _connect(url, _standalone, _sentinel, _cluster)


def connect_async(url: str) -> Clients:
    """Return clients for use in one event loop; nothing is sent yet."""
    return _connect(url, _async_standalone, _async_sentinel, _async_cluster)


def _connect(
    url: str,
    standalone: Callable[[str, dict[str, Any]], Any],
    sentinel: Callable[[list[tuple[str, int]], str, dict[str, Any], dict[str, Any]], Any],
    cluster: Callable[[list[tuple[str, int]], dict[str, Any]], Any],
) -> Clients:
    try:
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES:
            raise ConfigError(
                f"a store URL begins with {', '.join(f'{scheme}://' for scheme in SCHEMES)}"
                f" or embedded://, not {parts.scheme or 'nothing'!r}"
            )
        _check_options(parts.scheme, parts.query)
        if parts.scheme in ("redis", "rediss", "unix"):
            return _pair(lambda options: standalone(url, options), clustered=False)
        hosts = _hosts(parts.netloc)
        if parts.scheme == "redis+cluster":
            return _pair(lambda options: cluster(hosts, options | _login(url)), clustered=True)
        service, _, database = parts.path.strip("/").partition("/")
        if not service:
            raise ConfigError("a Sentinel URL ends with the name of the service: .../mymaster")
        login = _login(url) | ({"db": int(database)} if database else {})
        asked = {name: login[name] for name in ("ssl",) if name in login}
        return _pair(
            lambda options: sentinel(hosts, service, options | login, options | asked),
            clustered=False,
        )
    except (redis.RedisError, RedisClusterException) as error:  # clusters connect at once
        raise translated(error, Attempts()) from error
    except ValueError as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"a store URL is malformed: {error}") from None


def _check_options(scheme: str, query: str) -> None:
    """Refuse an option that a URL does not have, by its name: the value may be a secret."""
    known = OPTIONS.get(scheme, frozenset({"tls"}))
    given = parse_qs(query, keep_blank_values=True)
    if unknown := sorted(name for name in given if name not in known):
        names = ", ".join(repr(name[:40]) for name in unknown)
        raise ConfigError(
            f"a {scheme}:// URL takes {', '.join(sorted(known))} after ?, not {names}"
        )
    if any(value not in TLS for value in given.get("tls", ())):
        raise ConfigError(f"tls in a store URL is {', '.join(TLS)}")


def _pair(make: Callable[[dict[str, Any]], Any], *, clustered: bool) -> Clients:
    return Clients(
        make(_options(ANSWER_WITHIN, COMMAND_CONNECTIONS)),
        make(_options(RECHECK / 1000 + 5, WAITING_CONNECTIONS)),
        clustered,
    )


def _options(answer_within: float, connections: int) -> dict[str, Any]:
    return {
        "max_connections": connections,
        "socket_timeout": answer_within,
        "socket_connect_timeout": ANSWER_WITHIN,
        "health_check_interval": 15,
        "protocol": 3,
        "client_name": "sessionstore",
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
    netloc, query = urlsplit(url).netloc, parse_qs(urlsplit(url).query, keep_blank_values=True)
    login: dict[str, Any] = {}
    if "@" in netloc:
        user, _, password = netloc.rpartition("@")[0].partition(":")
        login = {"username": unquote(user) or None, "password": unquote(password) or None}
    if TLS[query.get("tls", ["no"])[0]]:
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
    once = {"retry": Retry(NoBackoff(), 0), "maint_notifications_config": QUIET}
    sentinels: Any = cast(Any, redis.Sentinel)(
        hosts, sentinel_kwargs=asked | once, min_other_sentinels=0
    )
    return sentinels.master_for(service, **options, **once)


def _async_sentinel(
    hosts: list[tuple[str, int]], service: str, options: dict[str, Any], asked: dict[str, Any]
) -> Any:
    once = {"retry": AsyncRetry(NoBackoff(), 0), "maint_notifications_config": QUIET}
    sentinels: Any = cast(Any, redis.asyncio.Sentinel)(hosts, sentinel_kwargs=asked | once)
    return sentinels.master_for(service, **options, **once)


def _cluster(hosts: list[tuple[str, int]], options: dict[str, Any]) -> Any:
    return redis.RedisCluster(
        startup_nodes=[cast(Any, ClusterNode)(host, port) for host, port in hosts],
        retry=Retry(NoBackoff(), 0),
        require_full_coverage=False,
        maint_notifications_config=QUIET,
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
