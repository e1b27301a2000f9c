"""What callers give, checked: names, whole numbers, durations. ConfigError says what is wrong."""

from __future__ import annotations

import math
import operator
from datetime import timedelta

from sessionstore.errors import ConfigError

__all__ = [
    "LARGEST",
    "LONGEST",
    "MAX_NAME_BYTES",
    "MAX_PATTERN",
    "Duration",
    "check_id",
    "check_label",
    "check_owner",
    "check_pattern",
    "check_reason",
    "exactly",
    "milliseconds",
    "optional_milliseconds",
    "positive_milliseconds",
    "truth",
    "whole_number",
]

Duration = timedelta | int | float
"""A `timedelta`, or a number of seconds."""

LONGEST = timedelta(days=36_500)
"""No duration is longer: what is meant to last for ever says None."""

MAX_NAME_BYTES = 255
MAX_PATTERN = 1000

LARGEST = (1 << 53) - 1
"""No whole number of a parameter is larger: from there on Lua does not count."""


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


def positive_milliseconds(duration: Duration, name: str) -> int:
    """Return a duration that is longer than 0 in whole milliseconds; ConfigError."""
    if (found := milliseconds(duration, name)) == 0:
        raise ConfigError(f"{name} must be longer than 0")
    return found


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
