"""Engines and their jobs: what a worker can do, and what it wants to be given for it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, TypeVar

from tenacity import wait_random_exponential
from tenacity.wait import wait_base

from sessionstore._checks import milliseconds, optional_milliseconds, whole_number
from sessionstore._core.jobs.jobs import Fields
from sessionstore._core.jobs.keys import QUEUE_NAME
from sessionstore.config import Duration
from sessionstore.errors import ConfigError, JobRefused
from sessionstore.jobs._annotations import Parameter, parameters_of

__all__ = ["Engine", "JobDefinition", "Policy", "find_definition"]

Policy = Literal["cancel", "finish", "orphan"]
"""What becomes of a job when its session ends: it is cancelled, is finished in silence, or waits
as an orphan for a session that adopts it."""

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
POLICIES = ("cancel", "finish", "orphan")
RETRIED_AFTER = wait_random_exponential(multiplier=1, max=600)

Function: TypeAlias = Callable[..., Any]
F = TypeVar("F", bound=Function)

_definitions: dict[str, JobDefinition] = {}


class JobDefinition:
    """A job that this process knows: its name, its function, and how it is done.

    Times are in seconds.
    """

    def __init__(
        self, name: str, function: Function, queue: str, options: Mapping[str, Any]
    ) -> None:
        self.name = name
        self.function = function
        self.is_async = inspect.iscoroutinefunction(function)
        self.queue = queue
        self.timeout: float | None = options["timeout"]
        self.stall_timeout: float | None = options["stall_timeout"]
        self.attempts: int = options["attempts"]
        self.backoff: wait_base = options["backoff"]
        self.retry_on: tuple[type[BaseException], ...] = options["retry_on"]
        self.fields: Fields = options["fields"]
        """Fields of the hash of each such job, where they are not the default."""
        self.head_start_ms: int = options["head_start_ms"]
        self._takes_any, self._parameters = parameters_of(function)

    def __repr__(self) -> str:
        return f"<JobDefinition {self.name}>"

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Check what a job is given; JobRefused says what its function wants instead.

        Values are checked against annotations as far as these are plain: classes, unions,
        literals, lists and dicts of such.
        """
        known: Mapping[str, Parameter] = self._parameters
        for name, value in parameters.items():
            wanted = known.get(name)
            if wanted is None:
                if not self._takes_any:
                    raise self._refusal(f"takes no {name}")
            elif not wanted.takes(value):
                raise self._refusal(f"wants {name} as {wanted.said}, not {type(value).__name__}")
        for name, wanted in known.items():
            if wanted.required and name not in parameters:
                raise self._refusal(f"lacks {name}")

    def _refusal(self, why: str) -> JobRefused:
        return JobRefused("parameters", why=f"{self.name} {why}")


class Engine:
    """A named set of jobs.

    The functions of its jobs get a job (`job.progress(0.5)`), and their parameters by name. An
    `async` function runs in the event loop of the worker, so it must not block for long; a plain
    function runs in a process of its own, which can be killed.

    Args:
        name: a letter, then up to 63 letters, digits and underscores.
        queue: in which its jobs wait for a worker, unless they say another.
    """

    def __init__(self, name: str, *, queue: str = "default") -> None:
        self.name = _checked_name(name, "an engine")
        self.queue = _checked_queue(queue)
        self.jobs: dict[str, JobDefinition] = {}
        """Its jobs, by full name."""

    def __repr__(self) -> str:
        return f"<Engine {self.name}>"

    def job(
        self,
        name: str,
        *,
        queue: str | None = None,
        timeout: Duration | None = None,
        stall_timeout: Duration | None = None,
        max_wait: Duration | None = None,
        attempts: int = 1,
        backoff: wait_base | None = None,
        retry_on: type[BaseException] | tuple[type[BaseException], ...] = (Exception,),
        may_lose: int = 3,
        on_logout: Policy = "cancel",
        on_timeout: Policy = "cancel",
        grace: Duration = 5,
        keep: Duration = 3600,
        priority: float = 0,
    ) -> Callable[[F], F]:
        """Return a decorator that makes a function a job; the function itself stays as it is.

        Args:
            name: of the job in its engine; it is submitted as `Engine.Name`.
            queue: where it waits for a worker; None: as the engine says.
            timeout: seconds that one try may take; None: as long as it likes.
            stall_timeout: seconds that it may say nothing; None: as long as it likes.
            max_wait: seconds that it may wait for its first start; None: however long.
            attempts: how often it is tried, at least 1.
            backoff: a tenacity wait strategy between tries; None: exponential, with jitter.
            retry_on: errors after which it is tried again. The end of its process is a
                ChildProcessError, a timeout a TimeoutError.
            may_lose: how often workers may be lost with it before it is lost for good.
            on_logout, on_timeout: what becomes of it when its session is ended, or times out.
            grace: seconds that it has to stop when it is cancelled.
            keep: seconds that its record stays after its end.
            priority: a head start in seconds, may be negative, over jobs of the same owner.

        Raises:
            ConfigError: an argument makes no sense, or another function has that name.
        """
        full = f"{self.name}.{_checked_name(name, 'a job')}"
        errors = retry_on if isinstance(retry_on, tuple) else (retry_on,)
        if not all(isinstance(one, type) and issubclass(one, BaseException) for one in errors):
            raise ConfigError("retry_on must be classes of errors")
        if backoff is not None and not callable(backoff):
            raise ConfigError("backoff must be a wait strategy of tenacity")
        options = {
            "timeout": _seconds(timeout, "timeout"),
            "stall_timeout": _seconds(stall_timeout, "stall_timeout"),
            "attempts": whole_number(attempts, "attempts", least=1),
            "backoff": backoff or RETRIED_AFTER,
            "retry_on": errors,
            "head_start_ms": _head_start(priority),
            "fields": _fields(
                m=(optional_milliseconds(max_wait, "max_wait"), None),
                y=(whole_number(may_lose, "may_lose", least=0), 3),
                r=(_policy(on_logout) + _policy(on_timeout), "cc"),
                h=(milliseconds(grace, "grace"), 5000),
                v=(milliseconds(keep, "keep"), 3_600_000),
            ),
        }
        waits_in = self.queue if queue is None else _checked_queue(queue)

        def define(function: F) -> F:
            definition = JobDefinition(full, function, waits_in, options)
            before = _definitions.get(full)
            if before is not None and _place(before.function) != _place(function):
                raise ConfigError(f"there is another job {full}; a name is given once")
            _definitions[full] = self.jobs[full] = definition
            return function

        return define


def find_definition(name: str) -> JobDefinition | None:
    """Return the job of that full name, if an engine that this process has imported has one."""
    return _definitions.get(name)


def _place(function: Function) -> tuple[str, str]:
    """Return where a function is from: a module that is loaded again defines its jobs again."""
    module = getattr(function, "__module__", "")
    return module.replace("__mp_main__", "__main__"), getattr(function, "__qualname__", "")


def _checked_name(name: str, what: str) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ConfigError(
            f"the name of {what} is a letter, then letters, digits or _, not {name!r}"
        )
    return name


def _checked_queue(name: str) -> str:
    if not isinstance(name, str) or not QUEUE_NAME.fullmatch(name):
        raise ConfigError(f"queue name {name!r} must be 1 to 64 letters, digits, _ or -")
    return name


def _seconds(duration: Duration | None, name: str) -> float | None:
    found = optional_milliseconds(duration, name)
    return None if found is None else found / 1000


def _head_start(priority: float) -> int:
    if isinstance(priority, bool) or not isinstance(priority, int | float):
        raise ConfigError(f"priority must be a number of seconds, not {type(priority).__name__}")
    if not abs(priority) <= 86_400:
        raise ConfigError("priority must be from -86400 to 86400 seconds")
    return round(priority * 1000)


def _policy(name: str) -> str:
    if name not in POLICIES:
        raise ConfigError(f"what becomes of a job is one of {', '.join(POLICIES)}, not {name!r}")
    return name[0]


def _fields(**given: tuple[str | int | None, str | int | None]) -> Fields:
    return {
        name: value
        for name, (value, default) in given.items()
        if value is not None and value != default
    }
