"""Parameters of a store, and how durations and names are checked."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Literal, cast

from sessionstore.errors import ConfigError

__all__ = [
    "AtLimit",
    "AtTimeout",
    "Duration",
    "Parameters",
    "check_id",
    "check_label",
    "check_owner",
    "check_pattern",
    "check_reason",
    "exactly",
    "milliseconds",
    "optional_milliseconds",
    "truth",
    "whole_number",
]

Duration = timedelta | int | float
"""A `timedelta`, or a number of seconds."""

AtLimit = Literal["refuse", "evict"]
AtTimeout = Literal["end", "keep"]

LONGEST = timedelta(days=36_500)
"""No duration is longer: what is meant to last for ever says None."""

MAX_NAME_BYTES = 255
MAX_PATTERN = 1000


@dataclass(frozen=True, slots=True)
class Parameters:
    """What holds for every session of a store, at once for all app servers that share it.

    They are kept in the store itself and enforced by its scripts. None for a limit means no limit.
    """

    timeout: timedelta = timedelta(seconds=900)
    """Idle time after the last close (or touch) at which a session ends, unless it has its own."""

    max_timeout: timedelta | None = None
    """Cap on every session's idle time; lowering it shortens existing sessions at once."""

    lifetime: timedelta | None = None
    """Time after its creation at which a session ends in any case, unless it has its own."""

    lease: timedelta = timedelta(seconds=30)
    """Time a holder may keep a session open without renewing."""

    wait: timedelta = timedelta(0)
    """Time an open waits for a session that somebody else has open."""

    max_waiters: int = 64
    """How many may wait for one session, at most 500."""

    max_per_owner: int | None = None
    """How many sessions one owner may have."""

    max_private: int | None = None
    """How many sessions that are not public the store may hold."""

    max_public: int | None = None
    """How many public sessions the store may hold."""

    at_limit: AtLimit = "refuse"
    """What a create does at a limit: refuse, or evict the least recently active unheld session."""

    at_timeout: AtTimeout = "end"
    """What becomes of a session that times out: it ends at once, or it is kept, counts and can be
    opened until `sweep()` is called (or for a year)."""

    max_bytes: int | None = 1 << 20
    """How many bytes of attributes, names included, one session may hold."""

    linger: timedelta = timedelta(seconds=60)
    """How long an ended session can still say why it ended."""

    max_events: int = 100
    """How many events each bucket keeps, give or take a hundred: 25,600 in all by default."""

    def __post_init__(self) -> None:
        problems = [text for name in FIELDS for text in _problems(name, getattr(self, name))]
        if problems:
            raise ConfigError("; ".join(problems))


FIELDS = tuple(field.name for field in fields(Parameters))
DURATIONS = {"timeout", "max_timeout", "lifetime", "lease", "wait", "linger"}
OPTIONAL = {"max_timeout", "lifetime", "max_per_owner"} | {
    "max_private",
    "max_public",
    "max_bytes",
}
POSITIVE = {"lease", "lifetime"}
MOST = {"max_waiters": 500}  # a script goes through the whole line
WORDS = {"at_limit": ("refuse", "evict"), "at_timeout": ("end", "keep")}
UNLIMITED = "none"
LARGEST = (1 << 53) - 1
"""No whole number of a parameter is larger: from there on Lua does not count."""


def _problems(name: str, value: object) -> list[str]:
    if value is None:
        return [] if name in OPTIONAL else [f"{name} must not be None"]
    if words := WORDS.get(name):
        told = isinstance(value, str) and value in words
        return [] if told else [f"{name} is {' or '.join(map(repr, words))}"]
    if name in DURATIONS:
        try:
            length = milliseconds(cast(Duration, value), name)
        except ConfigError as error:
            return [str(error)]
        return [f"{name} must be longer than 0"] if name in POSITIVE and length < 1 else []
    try:
        whole_number(value, name, least=0, most=MOST.get(name, LARGEST))
    except ConfigError as error:
        return [str(error)]
    return []


def changes(given: dict[str, object]) -> dict[str, str]:
    """Return the stored text of parameters given by name; ConfigError lists every bad one."""
    unknown = sorted(set(given) - set(FIELDS))
    if unknown:
        raise ConfigError(f"no parameter {', '.join(unknown)}; there are {', '.join(FIELDS)}")
    problems = [text for name, value in given.items() for text in _problems(name, value)]
    if problems:
        raise ConfigError("; ".join(problems))
    return {name: _text(name, value) for name, value in given.items()}


def _text(name: str, value: object) -> str:
    if value is None:
        return UNLIMITED
    if name in DURATIONS:
        return str(milliseconds(cast(Duration, value), name))
    return exactly(cast(str, value)) if name in WORDS else str(whole_number(value, name))


def from_stored(stored: dict[str, str]) -> Parameters:
    """Return the parameters that a store holds; what it does not hold has its default."""
    return Parameters(
        **{name: _value(name, text) for name, text in stored.items() if name in FIELDS}  # type: ignore[arg-type]
    )


def _value(name: str, text: str) -> object:
    if text == UNLIMITED:
        return None
    if name in WORDS:
        return text
    return timedelta(milliseconds=int(text)) if name in DURATIONS else int(text)


def milliseconds(duration: Duration, name: str) -> int:
    """Return a duration in whole milliseconds, rounded up; ConfigError names what is wrong."""
    if isinstance(duration, timedelta):
        seconds = duration.total_seconds()
    elif isinstance(duration, bool) or not isinstance(duration, (int, float)):
        kind = type(duration).__name__
        raise ConfigError(f"{name} must be a timedelta or a number of seconds, not {kind}")
    else:
        seconds = duration
    if not 0 <= seconds <= LONGEST.total_seconds():  # NaN fails this too
        raise ConfigError(f"{name} must be from 0 to {LONGEST.days} days, not {_shown(duration)}")
    # A thousandth of a millisecond is the noise of binary fractions: 0.1 s is 100 ms.
    return math.ceil(seconds * 1000 - 0.001)


def optional_milliseconds(duration: Duration | None, name: str) -> int | None:
    """Return a duration in whole milliseconds, or None for None."""
    return None if duration is None else milliseconds(duration, name)


def whole_number(
    value: object, name: str, *, least: int | None = None, most: int | None = None
) -> int:
    """Return a whole number within its range; ConfigError names what is wrong."""
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        raise ConfigError(f"{name} must be a whole number, not {type(value).__name__}")
    number = operator.index(value)  # type: ignore[arg-type]
    if (least is not None and number < least) or (most is not None and number > most):
        ends = (("from", least), ("to", most))
        span = "".join(f" {word} {end}" for word, end in ends if end is not None)
        raise ConfigError(f"{name} must be a whole number{span}, not {_shown(number)}")
    return number


def _shown(number: timedelta | float) -> str:
    """Return a number for people; Python refuses to write a very long one."""
    if isinstance(number, int) and number.bit_length() > 64:
        return "a number of more than 64 bits"
    return str(number)


def exactly(text: str) -> str:
    """Return a string as one of the type itself: a subclass (a StrEnum) may be shown otherwise."""
    return str.__str__(text)


def truth(value: object, name: str) -> bool:
    """Return True or False; ConfigError for what only counts as one, such as the word no."""
    if not isinstance(value, bool):
        raise ConfigError(f"{name} must be True or False, not {type(value).__name__}")
    return value


def check_pattern(pattern: str) -> str:
    """Return a pattern of ids or names, if it is one: a string of up to 1,000 characters."""
    if not isinstance(pattern, str):
        raise ConfigError(f"a pattern must be a string, not {type(pattern).__name__}")
    if len(pattern) > MAX_PATTERN:
        raise ConfigError(f"a pattern has at most {MAX_PATTERN} characters; shorten it")
    return pattern


def check_id(id: str, what: str = "session id") -> str:
    """Return a session id given by a caller, if it is one: 1 to 255 bytes, printable."""
    return _check_name(id, what)


def check_owner(owner: str) -> str:
    """Return an owner or user id, if it is one: up to 255 bytes, printable, without braces."""
    if owner == "":
        return ""
    owner = _check_name(owner, "owner")
    if "{" in owner or "}" in owner:
        raise ConfigError(f"owner {owner!r} has a brace in it; leave braces out")
    return owner


def check_label(label: str) -> str:
    """Return how others see a holder, if it is one: 1 to 255 bytes, printable."""
    return _check_name(label, "label")


def check_reason(reason: str) -> str:
    """Return why sessions end, if it can be told: 1 to 255 bytes, printable."""
    return _check_name(reason, "reason")


def _check_name(name: str, what: str) -> str:
    if not isinstance(name, str):
        raise ConfigError(f"{what} must be a string, not {type(name).__name__}")
    if not name:
        raise ConfigError(f"{what} is empty; give at least one character")
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        raise ConfigError(f"{what} is longer than {MAX_NAME_BYTES} bytes; shorten it")
    name = exactly(name)
    if not name.isprintable():
        raise ConfigError(f"{what} {name!r} has control characters in it; leave them out")
    return name
