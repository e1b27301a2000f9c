"""What redis-py and the server report, as errors of this library."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypedDict

from redis import exceptions
from tenacity import retry_if_exception, stop_after_attempt, wait_random_exponential

from sessionstore.errors import ConfigError, SessionStoreError, StoreUnavailable, TimedOut

__all__ = ["REPEATING", "check_version", "is_transient", "translated"]

TRANSIENT = (exceptions.ConnectionError, exceptions.TimeoutError, OSError, asyncio.TimeoutError)
TRANSIENT_REPLIES = ("LOADING", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "UNBLOCKED")
FINAL = (exceptions.AuthenticationError, exceptions.AuthorizationError)


def is_transient(error: BaseException) -> bool:
    """Whether the same call may well succeed a moment later."""
    if isinstance(error, FINAL):
        return False
    return isinstance(error, TRANSIENT) or str(error).startswith(TRANSIENT_REPLIES)


class Repetition(TypedDict):
    """How tenacity is told to repeat a call."""

    retry: retry_if_exception
    stop: stop_after_attempt
    wait: wait_random_exponential
    reraise: bool


# Three more tries within half a second or so: enough for a lost reply, a dropped connection or a
# restart of the server, and not so long that requests pile up in front of a server that is down.
REPEATING: Repetition = {
    "retry": retry_if_exception(is_transient),
    "stop": stop_after_attempt(3),
    "wait": wait_random_exponential(multiplier=0.1, max=0.5),
    "reraise": True,
}
"""How an operation is repeated. Every script can be sent twice, so all of them are."""


def translated(error: Exception, *, sent: bool) -> SessionStoreError:
    """Return the error of this library for one of redis-py.

    `sent` says that the operation left this process at least once, so that its outcome is unknown
    if no answer came.
    """
    text = str(error)
    if isinstance(error, SessionStoreError):
        return error
    if isinstance(error, FINAL):
        return ConfigError("the server refused the user or password of the URL; check both")
    if isinstance(error, exceptions.NoPermissionError):
        return ConfigError(f"the user of the URL lacks a permission ({text}); see the ACL example")
    if isinstance(error, (exceptions.TimeoutError, asyncio.TimeoutError)) and sent:
        return TimedOut("the server did not answer in time; whether it took effect is unknown")
    if isinstance(error, exceptions.ResponseError):
        return StoreUnavailable(f"the server refuses to work: {_advice(text)}")
    if sent:
        return StoreUnavailable(
            f"the connection broke before the answer ({text}); whether it took effect is unknown",
            unknown=True,
        )
    return StoreUnavailable(f"the server cannot be reached ({text}); check that it runs")


def _advice(text: str) -> str:
    if text.startswith("OOM"):
        return "it is out of memory; raise maxmemory or end sessions"
    if text.startswith("READONLY"):
        return "it is a read-only replica; connect to the primary, or by way of Sentinel"
    return text.splitlines()[0][:200]


def check_version(info: Mapping[str, Any]) -> None:
    """Make sure, from INFO, that the server is Redis 7.0 or Valkey 7.2, or newer."""
    if isinstance(next(iter(info.values()), None), dict):  # a cluster: one answer for each node
        for one in info.values():
            check_version(one)
        return
    version = str(info.get("redis_version", "0"))
    if not version.partition(".")[0].isdecimal() or int(version.partition(".")[0]) < 7:
        raise StoreUnavailable(
            f"the server is version {version}; Redis 7.0 or Valkey 7.2 is the oldest that will do"
        )
