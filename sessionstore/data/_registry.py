"""The classes of an application that sessions hold: a closed list, by name and version.

    @stored("shop.Colour")            an Enum: its members, by name
    @stored("shop.Price", version=2)  a frozen dataclass: a value, compared by value
    @stored("shop.Cart", version=3)   any other dataclass: an object with an identity
    @upgrade("shop.Cart", 2)          from the fields of version 2 to those of version 3

What is stored is the name that is given here, never that of the class, so a class may move. Reading
makes an object without calling its `__init__`, `__post_init__` or `__setattr__`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from enum import Enum, Flag
from typing import Any, TypeVar

from sessionstore.errors import ConfigError

__all__ = [
    "ENUM",
    "KINDS",
    "OBJECT",
    "VALUE",
    "RegisteredType",
    "Unreadable",
    "kind_named",
    "stored",
    "upgrade",
]

T = TypeVar("T", bound=type)
Fields = dict[str, Any]
Step = Callable[[Fields], Fields]
StepFunction = TypeVar("StepFunction", bound=Step)

ENUM = "enum"
VALUE = "value"
OBJECT = "object"
MAX_VERSION = 2**31
_NAME = re.compile(r"[A-Za-z_][\w.:-]{0,254}", re.ASCII)


class Unreadable(Exception):
    """Why stored bytes do not become an instance of a class; holds nothing of what is stored."""


class RegisteredType:
    """A class that is stored: its name, version and fields, and how it is taken apart and made."""

    __slots__ = ("fields", "form", "name", "type", "version")

    def __init__(self, cls: type, name: str, version: int) -> None:
        self.type = cls
        self.name = name
        self.version = version
        self.form = _form(cls, name)
        self.fields = () if self.form is ENUM else dataclasses.fields(cls)

    def parts(self, value: object) -> Fields:
        """Return the fields of an instance; one of `init=False` that is not set is left out."""
        found = {}
        for field in self.fields:
            try:
                found[field.name] = getattr(value, field.name)
            except AttributeError:
                if field.init:
                    raise
        return found

    def member(self, name: object) -> Any:
        """Return a member of an Enum."""
        if self.form is not ENUM:
            raise Unreadable(f"{self.name} is not a class of members any more")
        found = self.type.__members__.get(name)  # type: ignore[attr-defined]
        if found is None:
            raise Unreadable(f"{self.name} has no such member any more")
        return found

    def new(self) -> Any:
        """Return an instance with nothing in it yet."""
        return object.__new__(self.type)

    def fill(self, instance: object, version: object, fields: Fields) -> bool:
        """Set the fields of a new instance; True if they are not those that were stored."""
        if type(version) is not int or type(fields) is not dict:
            raise Unreadable("not well-formed")
        changed = version != self.version
        if changed:
            fields = self._upgraded(version, fields)
        known = 0
        for field in self.fields:
            if field.name in fields:
                value = fields[field.name]
                known += 1
            elif field.default is not dataclasses.MISSING:
                value, changed = field.default, True
            elif field.default_factory is not dataclasses.MISSING:
                value, changed = field.default_factory(), True
            elif field.init:
                raise Unreadable(f"{self.name} has a field {field.name} that is not stored")
            else:
                continue
            object.__setattr__(instance, field.name, value)
        if known != len(fields):
            raise Unreadable(f"{self.name} has no field for all that is stored; upgrade it")
        return changed

    def _upgraded(self, version: int, fields: Fields) -> Fields:
        if not 0 < version < self.version:
            raise Unreadable(f"{self.name} is stored in a version newer than {self.version}")
        for at in range(version, self.version):
            step = _steps.get((self.name, at))
            if step is None:
                raise Unreadable(f"{self.name} has no upgrade from version {at}")
            try:
                fields = step(dict(fields))
            except Exception as error:  # noqa: BLE001 - it is the application's code
                kind = type(error).__name__
                raise Unreadable(f"the upgrade of {self.name} from {at} failed: {kind}") from None
            if type(fields) is not dict:
                raise Unreadable(f"the upgrade of {self.name} from {at} returned no dict")
        return fields


KINDS: dict[type, RegisteredType] = {}
"""What is registered, by class."""

_by_name: dict[str, RegisteredType] = {}
_steps: dict[tuple[str, int], Step] = {}


def stored(name: str, *, version: int = 1) -> Callable[[T], T]:
    """Let sessions hold instances of a class: an Enum or a dataclass (put this above `@dataclass`).

    Args:
        name: what it is stored under, for ever; unique, such as `shop.Cart`.
        version: of the fields of a dataclass; raise it when they change, with an `upgrade`.

    Returns:
        The decorator; the class stays as it is.

    Raises:
        ConfigError: another class has the name, or the class cannot be stored.
    """
    _check(name, version)

    def register(cls: T) -> T:
        kind = RegisteredType(cls, name, version)
        known = _by_name.get(name)
        if known is not None and _place(known.type) != _place(cls):
            raise ConfigError(f"{name!r} is the name of {_place(known.type)} already")
        if kind.form is ENUM and version != 1:
            raise ConfigError(f"{name!r} is an Enum, whose members have names and no version")
        if cls in KINDS and KINDS[cls].name != name:
            raise ConfigError(f"{_place(cls)} is stored as {KINDS[cls].name!r} already")
        KINDS[cls] = _by_name[name] = kind
        return cls

    return register


def upgrade(name: str, version: int) -> Callable[[StepFunction], StepFunction]:
    """Register how the stored fields of a class go from a version to the next.

    The function gets a dict of the fields that were stored, as values, and returns those of
    `version + 1`. It runs when such bytes are read; objects among the fields may not be complete
    yet. Steps follow each other, so each is written once.

    Args:
        name: of the class, as in `stored`.
        version: that the step starts from.

    Returns:
        The decorator; the function stays as it is.

    Raises:
        ConfigError: there is another step from this version.
    """
    _check(name, version)

    def register(step: StepFunction) -> StepFunction:
        if not callable(step):
            raise ConfigError(f"an upgrade of {name!r} is a function, not {type(step).__name__}")
        known = _steps.get((name, version))
        if known is not None and _place(known) != _place(step):
            raise ConfigError(f"{name!r} has an upgrade from version {version} already")
        _steps[name, version] = step
        return step

    return register


def kind_named(name: object) -> RegisteredType:
    """Return what is registered under a name that was stored, or raise Unreadable."""
    if type(name) is not str or not _NAME.fullmatch(name):
        raise Unreadable("not well-formed")
    kind = _by_name.get(name)
    if kind is None:
        raise Unreadable(f"no class is registered as {name}")
    return kind


def _check(name: str, version: int) -> None:
    if type(name) is not str or not _NAME.fullmatch(name):
        raise ConfigError(
            "a stored class is named by letters, digits and . : - _, such as shop.Cart"
        )
    if type(version) is not int or not 0 < version < MAX_VERSION:
        raise ConfigError(f"the version of {name!r} is a whole number from 1")


def _form(cls: type, name: str) -> str:
    if not isinstance(cls, type):
        raise ConfigError(f"{name!r} must be a class")
    if issubclass(cls, Flag):
        raise ConfigError(f"{name!r} is a Flag, whose combinations have no names")
    if issubclass(cls, Enum):
        return ENUM
    if "__dataclass_fields__" not in vars(cls):
        raise ConfigError(
            f"{name!r} is neither an Enum nor a dataclass; put @stored above @dataclass"
        )
    try:
        object.__new__(cls)
    except TypeError:
        raise ConfigError(f"{name!r} is abstract, or a subclass of a builtin type") from None
    return VALUE if cls.__dataclass_params__.frozen else OBJECT  # type: ignore[attr-defined]


def _place(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"
