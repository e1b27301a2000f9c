"""Engines and their jobs: what a worker can do, and what it wants to be given for it."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from tenacity import RetryCallState, wait_random_exponential
from tenacity.wait import wait_base

from sessionstore._checks import LONGEST, milliseconds, positive_milliseconds, whole_number
from sessionstore._core.jobs.keys import check_queue
from sessionstore.config import Duration
from sessionstore.errors import ConfigError, JobRefused
from sessionstore.jobs._annotations import parameters_of
from sessionstore.jobs._options import AtEnd, fields_of

__all__ = ["Engine", "JobDefinition", "JobOptions", "find_definition", "known_definitions"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_MAY_LOSE, _GRACE, _KEEP = 3, 5, 3600
"""What the store assumes of a job that says nothing else: see `lua/parts/read_job.lua`."""

_LONGEST = LONGEST.total_seconds()

_RETRIED_AFTER = wait_random_exponential(multiplier=1, max=600)

_Function: TypeAlias = Callable[..., Any]
_F = TypeVar("_F", bound=_Function)
_T = TypeVar("_T")

_log = logging.getLogger("sessionstore.jobs")

_definitions: dict[str, JobDefinition] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """How a job is done, as `Engine.job` explains it; None is no limit."""

    queue: str
    timeout: Duration | None
    stall_timeout: Duration | None
    max_wait: Duration | None
    attempts: int
    backoff: wait_base
    retry_on: tuple[type[BaseException], ...]
    may_lose: int
    on_logout: AtEnd
    on_timeout: AtEnd
    grace: Duration
    keep: Duration
    priority: Duration


class JobDefinition:
    """A job that this process knows: its name, its function, and how it is done."""

    def __init__(self, name: str, function: _Function, options: JobOptions) -> None:
        self.name = name
        self.function = function
        self.is_async = inspect.iscoroutinefunction(function)
        self.options = options
        self.fields = fields_of(
            priority=_unless(0, options.priority),
            max_wait=options.max_wait,
            keep=_unless(_KEEP, options.keep),
            grace=_unless(_GRACE, options.grace),
            may_lose=_unless(_MAY_LOSE, options.may_lose),
            on_logout=options.on_logout,
            on_timeout=options.on_timeout,
        )
        """Fields of the hash of each such job, as far as they are not what the store assumes."""
        self.declared = {"q": options.queue, **self.fields}
        """What each such job is submitted with, unless its caller says otherwise."""
        self.timeout = _seconds(options.timeout, "timeout")
        """Seconds that one try may take."""
        self.stall_timeout = _seconds(options.stall_timeout, "stall_timeout")
        """Seconds that it may say nothing."""
        self._takes_any, self._parameters = parameters_of(function)

    def __repr__(self) -> str:
        return f"<JobDefinition {self.name}>"

    def delay_ms(self, tries: int) -> int:
        """Return in how many ms it is tried again after so many tries, as its strategy says.

        That is 0 at least and 36,500 days at most; a second, if the strategy cannot say.
        """
        state = RetryCallState(None, None, (), {})  # type: ignore[arg-type]
        state.attempt_number = tries
        try:
            seconds = float(self.options.backoff(state))
            return milliseconds(min(max(seconds, 0.0), _LONGEST), "backoff")
        except Exception:  # noqa: BLE001 - code of the application
            _log.exception("the backoff of %s failed", self.name)
            return 1000

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Check what a job is given; JobRefused says what its function wants instead.

        Values are checked against annotations as far as these are plain: classes, unions,
        literals, lists and dicts of such.
        """
        known = self._parameters
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
        self.queue = check_queue(queue)
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
        may_lose: int = _MAY_LOSE,
        on_logout: AtEnd = "cancel",
        on_timeout: AtEnd = "cancel",
        grace: Duration = _GRACE,
        keep: Duration = _KEEP,
        priority: Duration = 0,
    ) -> Callable[[_F], _F]:
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
        if not all(map(_is_error, errors)):
            raise ConfigError("retry_on must be classes of errors")
        if backoff is not None and not isinstance(backoff, wait_base):
            raise ConfigError("backoff must be a wait strategy of tenacity")
        options = JobOptions(
            queue=self.queue if queue is None else check_queue(queue),
            timeout=timeout,
            stall_timeout=stall_timeout,
            max_wait=max_wait,
            attempts=whole_number(attempts, "attempts", least=1),
            backoff=backoff or _RETRIED_AFTER,
            retry_on=errors,
            may_lose=may_lose,
            on_logout=on_logout,
            on_timeout=on_timeout,
            grace=grace,
            keep=keep,
            priority=priority,
        )

        def define(function: _F) -> _F:
            definition = JobDefinition(full, function, options)
            before = _definitions.get(full)
            if before is not None and _place(before.function) != _place(function):
                raise ConfigError(f"there is another job {full}; a name is given once")
            _definitions[full] = self.jobs[full] = definition
            return function

        return define


def find_definition(name: str) -> JobDefinition | None:
    """Return the job of that full name, if an engine that this process has imported has one."""
    return _definitions.get(name)


def known_definitions() -> list[JobDefinition]:
    """Return the jobs of all engines that this process has imported."""
    return list(_definitions.values())


def _place(function: _Function) -> tuple[str, str]:
    """Return where a function is from: a module that is loaded again defines its jobs again."""
    module = getattr(function, "__module__", "")
    return module.replace("__mp_main__", "__main__"), getattr(function, "__qualname__", "")


def _unless(usual: _T, given: _T) -> _T | None:
    return None if given == usual else given


def _is_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)


def _checked_name(name: object, what: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(
            f"the name of {what} is a letter, then letters, digits or _, not {name!r}"
        )
    return name


def _seconds(duration: Duration | None, name: str) -> float | None:
    return None if duration is None else positive_milliseconds(duration, name) / 1000
