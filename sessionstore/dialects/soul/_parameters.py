"""The seven parameters: each is one of the store's, under its documented name, unit and range."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, overload

from sessionstore import ConfigError, Parameters, SessionStore

__all__ = [
    "CLEAN_AT_CALLS",
    "CLEAN_BY_PST",
    "NO_LIMIT",
    "TABLE",
    "Documented",
    "Parameter",
    "View",
    "begin",
    "changes",
    "reset",
]

NO_LIMIT = -1
"""What a parameter shows for which the store has no limit; of the seven, SESMAXTO documents it."""

CLEAN_AT_CALLS = 0x01
CLEAN_BY_PST = 0x02

MOST_SESSIONS = 1_048_575
LONGEST_DEFAULT = 43_200
LONGEST = 99_999_999


class Documented(int):
    """The documented default of an argument that was left out; it looks and counts like it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """How a parameter is called in the store, and how its values are said there and here."""

    field: str
    default: int
    lowest: int
    highest: int
    to_store: Callable[[int], Any]
    from_store: Callable[[Any], int]
    resettable: bool = False


def _count(value: int | None) -> int:
    return NO_LIMIT if value is None else value


def _seconds(value: timedelta | None) -> int:
    return NO_LIMIT if value is None else int(value.total_seconds())


def _same(value: int) -> int:
    return value


TABLE: Mapping[str, Parameter] = {
    "SESNPRV": Parameter("max_private", 0, 0, MOST_SESSIONS, _same, _count),
    "SESNPUB": Parameter("max_public", 0, 0, MOST_SESSIONS, _same, _count),
    # The overview calls the default 0 and explains it as one; so 0 is read as 1.
    "SESUMAX": Parameter("max_per_owner", 1, 0, MOST_SESSIONS, lambda most: most or 1, _count),
    "SESOPT": Parameter(
        "at_timeout",
        0,
        0,
        CLEAN_AT_CALLS | CLEAN_BY_PST,
        lambda bits: "end" if bits else "keep",
        lambda kept: 0 if kept == "keep" else CLEAN_BY_PST,
    ),
    "SESDEFTO": Parameter("timeout", 900, 0, LONGEST_DEFAULT, _same, _seconds, resettable=True),
    "SESDEFOW": Parameter("wait", 0, 0, LONGEST_DEFAULT, _same, _seconds),
    "SESMAXTO": Parameter(
        "max_timeout",
        NO_LIMIT,
        NO_LIMIT,
        LONGEST,
        lambda most: None if most == NO_LIMIT else most,
        _seconds,
        resettable=True,
    ),
}


def changes(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to configure in the store; ConfigError names each value out of its range."""
    problems = [
        f"{name} must be a whole number from {its.lowest} to {its.highest}"
        for name, value in given.items()
        for its in [TABLE[name]]
        if isinstance(value, bool)
        or not isinstance(value, int)
        or not its.lowest <= value <= its.highest
    ]
    if problems:
        raise ConfigError("; ".join(problems))
    return {TABLE[name].field: TABLE[name].to_store(int(value)) for name, value in given.items()}


def begin(store: SessionStore, said: Mapping[str, int]) -> None:
    """Set what was said explicitly; in a store that nobody has configured yet, all seven.

    ConfigError, and nothing is set, if a value is out of its range.
    """
    given = {name: value for name, value in said.items() if not isinstance(value, Documented)}
    settings = changes(given)
    now, untouched = store.parameters(), Parameters()
    if all(getattr(now, its.field) == getattr(untouched, its.field) for its in TABLE.values()):
        settings = changes({name: its.default for name, its in TABLE.items()}) | settings
    if settings:
        store.configure(**settings)


def reset(store: SessionStore, name: object, value: int) -> None:
    """Change a parameter while sessions exist, for all who share the store."""
    resettable = [each for each, its in TABLE.items() if its.resettable]
    if not isinstance(name, str) or name not in resettable:
        what = name[:40] if isinstance(name, str) else type(name).__name__
        raise ConfigError(f"{what} cannot be reset; {' and '.join(resettable)} can")
    store.configure(**changes({name: value}))


class View:
    """An attribute that reads a parameter from the store, as the command VIEW does."""

    def __init__(self, name: str) -> None:
        self._parameter = TABLE[name]

    @overload
    def __get__(self, online: None, owner: type) -> Self: ...

    @overload
    def __get__(self, online: object, owner: type) -> int: ...

    def __get__(self, online: Any, owner: type) -> int | Self:
        if online is None:
            return self
        return self._parameter.from_store(getattr(online.store.parameters(), self._parameter.field))
