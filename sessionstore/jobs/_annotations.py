"""What a function wants to be given, as far as its signature says."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from sessionstore.errors import ConfigError

__all__ = ["Parameter", "parameters_of"]

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Parameter:
    """One parameter of a function."""

    def __init__(self, function: Callable[..., Any], name: str, *, required: bool) -> None:
        self._function = function
        self._name = name
        self.required = required

    @cached_property
    def hint(self) -> Any:
        """Its annotation; looked up late, when all that it names is defined."""
        try:
            return get_type_hints(self._function).get(self._name, Any)
        except Exception:  # noqa: BLE001 - an annotation may be any expression
            return Any

    @property
    def said(self) -> str:
        """Its annotation, for people."""
        return self.hint.__name__ if isinstance(self.hint, type) else str(self.hint)

    def takes(self, value: object) -> bool:
        """Whether a value is of the kind that it wants."""
        hint = self.hint
        return type(value) is hint or fits(value, hint)


def parameters_of(function: Callable[..., Any]) -> tuple[bool, Mapping[str, Parameter]]:
    """Return whether a job takes any name, and its parameters, but for the first: the job."""
    if not callable(function):
        raise ConfigError(f"a job is a function, not {type(function).__name__}")
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].kind not in POSITIONAL:
        raise ConfigError(f"{function.__qualname__} must take a job as its first argument")
    found, takes_any = {}, False
    for one in parameters[1:]:
        if one.kind in (one.POSITIONAL_ONLY, one.VAR_POSITIONAL):
            raise ConfigError(
                f"{function.__qualname__}: parameters are given by name, {one} is not"
            )
        if one.kind == one.VAR_KEYWORD:
            takes_any = True
        else:
            required = one.default is one.empty
            found[one.name] = Parameter(function, one.name, required=required)
    return takes_any, found


def fits(value: object, hint: Any) -> bool:
    """Whether a value is of the kind that an annotation names; what is not plain fits all."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is None:
        return value is None
    if origin in (Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if origin is Literal:
        return any(value == part and type(value) is type(part) for part in parts)
    if origin is list and parts:
        return isinstance(value, list) and all(fits(item, parts[0]) for item in value)
    if origin is dict and len(parts) == 2:
        return isinstance(value, dict) and all(
            fits(name, parts[0]) and fits(item, parts[1]) for name, item in value.items()
        )
    kind = origin or hint
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    try:
        return isinstance(value, kind) if isinstance(kind, type) else True
    except TypeError:  # of a protocol, say
        return True
