"""What each parameter of a store may be, and the text as which it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from sessionstore._checks import LARGEST, Duration, exactly, milliseconds, whole_number
from sessionstore.errors import ConfigError

__all__ = ["as_stored", "check", "from_stored"]

DURATIONS = {"timeout", "max_timeout", "lifetime", "lease", "wait", "linger"}
OPTIONAL = {"max_timeout", "lifetime", "max_per_owner"} | {
    "max_private",
    "max_public",
    "max_bytes",
    "max_jobs",
    "max_jobs_per_owner",
}
POSITIVE = {"lease", "lifetime"}
MOST = {"max_waiters": 500}  # a script goes through the whole line
WORDS = {"at_limit": ("refuse", "evict"), "at_timeout": ("end", "keep")}
UNLIMITED = "none"


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


def check(values: Mapping[str, object]) -> None:
    """Make sure that values of parameters, by name, make sense; ConfigError lists every bad one."""
    problems = [text for name, value in values.items() for text in _problems(name, value)]
    if problems:
        raise ConfigError("; ".join(problems))


def as_stored(name: str, value: object) -> str:
    """Return the text as which a value that makes sense is stored."""
    if value is None:
        return UNLIMITED
    if name in DURATIONS:
        return str(milliseconds(cast(Duration, value), name))
    return exactly(cast(str, value)) if name in WORDS else str(whole_number(value, name))


def from_stored(name: str, text: str) -> object:
    """Return the value of a parameter that is stored as a text."""
    if text == UNLIMITED:
        return None
    if name in WORDS:
        return text
    return timedelta(milliseconds=int(text)) if name in DURATIONS else int(text)
