"""Every argument of the public face stands in the table of what it may not be."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import sessionstore
from tests.support.arguments import FACES

NOT_ARGUMENTS = {"Event", "Events", "SessionInfo", "Duration", "ABSENT"}
"""Names of the face that take no arguments of a user, besides the errors."""

OF_MODULES = {"stored", "upgrade"}
"""Functions, whose arguments `tests/unit/data/test_registry.py` tries."""

SPECIAL = {"__getitem__", "__setitem__", "__delitem__"}


def faces() -> list[str]:
    """The names of the classes of the face, of each pair the synchronous one."""
    return [
        name
        for name in sessionstore.__all__
        if not name.startswith("Async")
        and name not in NOT_ARGUMENTS | OF_MODULES
        and not issubclass(getattr(sessionstore, name), Exception)
    ]


def methods(kind: type) -> dict[str, Any]:
    return {
        name: member
        for name, member in inspect.getmembers(kind, inspect.isroutine)
        if (not name.startswith("_") or name in SPECIAL)
    }


def test_every_class_of_the_face_stands_in_the_table() -> None:
    assert set(faces()) == set(FACES)


@pytest.mark.parametrize("name", [name for name in faces() if name != "Parameters"])
def test_every_argument_stands_in_the_table(name: str) -> None:
    found = methods(getattr(sessionstore, name))
    assert set(found) == set(FACES[name])
    for method, member in found.items():
        arguments = set(inspect.signature(member).parameters) - {"self"}
        told = set(FACES[name][method].arguments)
        if method == "configure":  # which takes any parameter
            assert told == {"changes"} | set(FACES["Parameters"]["__init__"].arguments)
        else:
            assert told == arguments, f"{name}.{method}"


def test_every_parameter_stands_in_the_table() -> None:
    told = FACES["Parameters"]["__init__"].arguments
    assert set(told) == set(inspect.signature(sessionstore.Parameters).parameters)
