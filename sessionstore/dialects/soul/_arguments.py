"""What the arguments of the functions may be; one that is None or empty was left out."""

from __future__ import annotations

from typing import Any

from sessionstore import TypeRefused
from sessionstore.dialects.soul._cancelled import RequestCancelled

__all__ = [
    "DEFAULT",
    "given",
    "is_whole",
    "required_name",
    "required_pattern",
    "required_text",
    "seconds",
    "text_of",
]

DEFAULT = -1
"""The number of seconds that says the default of the Online, as does none at all."""

LONGEST = 36_500 * 86_400
MAX_NAME_BYTES = 255
MAX_PATTERN = 1000


def given(argument: Any, default: Any) -> Any:
    """Return an argument, or its default if it was left out."""
    return default if argument is None or (isinstance(argument, str) and not argument) else argument


def is_whole(argument: object) -> bool:
    """Whether an argument is a whole number; True and False are none."""
    return isinstance(argument, int) and not isinstance(argument, bool)


def required_text(argument: Any, what: str, function: str) -> str:
    """Return an argument that must be some text."""
    if given(argument, None) is None:
        raise RequestCancelled(function, why=f"the {what} is required")
    if not isinstance(argument, str):
        raise RequestCancelled(function, why=f"the {what} is text, not {type(argument).__name__}")
    return argument


def required_name(argument: Any, function: str) -> str:
    """Return the name of a list, longstring or object, if it is one: 1 to 255 bytes."""
    name = required_text(argument, "name", function)
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise RequestCancelled(
            function, why="half of the name's surrogate pair is missing"
        ) from None
    if length > MAX_NAME_BYTES:
        raise RequestCancelled(function, why=f"the name is longer than {MAX_NAME_BYTES} bytes")
    return name


def required_pattern(argument: Any, function: str) -> str:
    """Return a pattern of names, if it is one: text of up to 1,000 characters."""
    pattern = required_text(argument, "pattern", function)
    if len(pattern) > MAX_PATTERN:
        raise RequestCancelled(function, why=f"a pattern has at most {MAX_PATTERN} characters")
    return pattern


def seconds(argument: Any, function: str, *, default: float = DEFAULT) -> float:
    """Return a number of seconds: -1, which says the default of the Online, or 0 and up."""
    timeout = given(argument, default)
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        kind = type(timeout).__name__
        raise RequestCancelled(function, why=f"the timeout is a number of seconds, not {kind}")
    if timeout != DEFAULT and not 0 <= timeout <= LONGEST:  # nor is NaN
        raise RequestCancelled(function, why="the timeout is negative or longer than 36,500 days")
    return timeout


def text_of(value: Any, name: str) -> bytes:
    """Return the bytes of a text; those that came from no text are what they were."""
    why = "a longstring is text"
    if isinstance(value, str):
        try:
            return value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            why = "a lone surrogate is not text"
    raise TypeRefused(name, type_name=type(value).__qualname__, why=why)
