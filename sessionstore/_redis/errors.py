"""What redis-py and the server report, as errors of this library."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from redis import exceptions
from tenacity import RetryCallState, retry_if_exception, wait_random_exponential

from sessionstore._core.operation import Operation
from sessionstore.errors import ConfigError, SessionStoreError, StoreUnavailable, TimedOut

__all__ = [
    "FOREIGN",
    "TOLD",
    "Attempts",
    "check_version",
    "is_transient",
    "repeating",
    "translated",
]

TRANSIENT = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,  # a primary that has just become a replica
    exceptions.TryAgainError,
    exceptions.ClusterDownError,
    exceptions.MasterDownError,
    exceptions.AskError,  # the slot is elsewhere, or on its way there (also MOVED)
    exceptions.RedisClusterException,  # none of the nodes answers
    asyncio.TimeoutError,
    OSError,
)
DENIED_IN_SCRIPT = ("ACL failure in script", "The user executing the script")
NAMED = re.compile(r"\bUser \S+ has\b")
FOREIGN = (exceptions.RedisError, *TRANSIENT)
"""All that redis-py raises."""
TOLD = (*FOREIGN, SessionStoreError)
"""All that ends a call; what else comes up is a mistake of ours and goes through as it is."""

FINAL = (exceptions.AuthenticationError, exceptions.AuthorizationError)


def is_transient(error: BaseException) -> bool:
    """Whether the same call may well succeed a moment later."""
    return isinstance(error, TRANSIENT) and not isinstance(error, FINAL)


class Attempts:
    """Whether one of the attempts at a call may have worked though no answer came."""

    __slots__ = ("sent", "timeouts", "unanswered")

    def __init__(self) -> None:
        self.sent = False
        self.unanswered = False
        self.timeouts = 0

    def failed(self, error: BaseException, operations: Iterable[Operation[Any]]) -> None:
        """Note that an attempt failed, also in its operations."""
        answered = isinstance(error, (exceptions.ResponseError, *FINAL))
        self.unanswered = self.unanswered or (self.sent and not answered)
        self.sent = False
        self.timeouts += isinstance(error, (exceptions.TimeoutError, asyncio.TimeoutError))
        for operation in operations:
            operation.unanswered = self.unanswered


class Repetition(TypedDict):
    """How tenacity is told to repeat a call."""

    retry: retry_if_exception
    stop: Callable[[RetryCallState], bool]
    wait: wait_random_exponential
    reraise: bool


def repeating(attempts: Attempts) -> Repetition:
    """Return how a call is repeated. Every script can be sent twice, so all of them are.

    There are two more tries, within half a second or so. That is for a lost reply, a dropped
    connection or a restart of the server, and not so long that requests pile up in front of a
    server that is down. Of a server that hangs, each try takes long: two are enough. A slot that is
    being moved key by key does answer, and asks to try again until all keys of the call are in one
    place: for some seconds.
    """

    def enough(state: RetryCallState) -> bool:
        moving = state.outcome and isinstance(state.outcome.exception(), exceptions.TryAgainError)
        return attempts.timeouts >= 2 or state.attempt_number >= (20 if moving else 3)

    return {
        "retry": retry_if_exception(is_transient),
        "stop": enough,
        "wait": wait_random_exponential(multiplier=0.1, max=0.5),
        "reraise": True,
    }


def translated(error: Exception, attempts: Attempts) -> SessionStoreError:
    """Return the error of this library for what ended a call.

    It may be done if one of the attempts had no answer, whatever prevented the last one.
    """
    if not attempts.unanswered:
        return _told(error)
    unknown = "whether it took effect is unknown"
    if isinstance(error, (exceptions.TimeoutError, asyncio.TimeoutError)):
        return TimedOut(f"the server did not answer in time; {unknown}")
    if isinstance(error, (SessionStoreError, exceptions.ResponseError, *FINAL)):
        message = f"there was no answer, and then: {_told(error)}; {unknown}"
    else:
        message = f"the connection broke before the answer ({error}); {unknown}"
    return StoreUnavailable(message, unknown=True)


def _told(error: Exception) -> SessionStoreError:
    """Return the error of this library for what prevented a call that has done nothing."""
    text = str(error)
    if isinstance(error, SessionStoreError):
        return error
    if isinstance(error, FINAL):
        return ConfigError("the server refused the user or password of the URL; check both")
    if isinstance(error, exceptions.NoPermissionError) or text.startswith(DENIED_IN_SCRIPT):
        text = _without_user(error)
        return ConfigError(f"the user of the URL lacks a permission ({text}); see the ACL example")
    if isinstance(error, exceptions.ResponseError):
        return StoreUnavailable(f"the server refuses to work: {_advice(error)}")
    return StoreUnavailable(f"the server cannot be reached ({text}); check that it runs")


def _without_user(error: Exception) -> str:
    """Return what a server says that denies something, without the name of the user.

    Newer servers say it. It is of the URL, so it is also taken out of what is shown as the cause.
    """
    at: BaseException | None = error
    while at is not None:
        at.args = tuple(NAMED.sub("this user has", str(part)) for part in at.args)
        at = at.__cause__ or at.__context__
    return str(error)


def _advice(error: Exception) -> str:
    if isinstance(error, exceptions.OutOfMemoryError):
        return "it is out of memory; raise maxmemory or end sessions"
    if isinstance(error, exceptions.ReadOnlyError):
        return "it is a read-only replica; connect to the primary, or by way of Sentinel"
    return str(error).splitlines()[0][:200]


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
