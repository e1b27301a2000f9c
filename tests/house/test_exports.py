"""Public means listed: in `__all__`, in order, once, and explained."""

from __future__ import annotations

import ast
import importlib
import inspect
import types
from pathlib import Path

import pytest

import sessionstore
from tests.house.sources import ROOT, in_tree, module_name, python_files, tree_of

PACKAGE = ROOT / "sessionstore"


def order(name: str) -> tuple[int, str]:
    """Constants first, then classes, then the rest, each by the alphabet; as ruff has it."""
    rank = 0 if len(name) > 1 and name.isupper() else 1 if name[:1].isupper() else 2
    return rank, name


def listed(tree: ast.Module) -> list[str] | None:
    """The names in a module's `__all__`, or None if it has none."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name) and target.id == "__all__":
                assert isinstance(node, ast.Assign | ast.AnnAssign)
                assert node.value is not None
                return [str(name) for name in ast.literal_eval(node.value)]
    return None


def bound(tree: ast.Module) -> set[str]:
    """The public names that a module's own top level binds."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")} - {"annotations"}


def public(path: Path) -> bool:
    return not any(part.startswith("_") for part in module_name(in_tree(path)).split("."))


PUBLIC_MODULES = [path for path in python_files("sessionstore") if public(path)]
LIBRARY_MODULES = [path for path in PUBLIC_MODULES if (PACKAGE / "cli") not in path.parents]


def test_the_face_lists_all_that_it_shows() -> None:
    shown = bound(tree_of(PACKAGE / "__init__.py"))
    assert sorted(shown ^ {name for name in sessionstore.__all__ if name != "__version__"}) == []


def test_the_face_shows_every_error() -> None:
    errors = importlib.import_module("sessionstore.errors")
    assert sorted(set(errors.__all__) - set(sessionstore.__all__)) == []


def test_the_face_lists_a_name_once() -> None:
    assert len(sessionstore.__all__) == len(set(sessionstore.__all__))


@pytest.mark.parametrize("name", sessionstore.__all__)
def test_a_listed_name_is_there(name: str) -> None:
    assert hasattr(sessionstore, name)
    assert not isinstance(getattr(sessionstore, name), types.ModuleType)


@pytest.mark.parametrize("path", PUBLIC_MODULES, ids=in_tree)
def test_what_a_public_module_lists_is_sorted_and_there(path: Path) -> None:
    tree = tree_of(path)
    names = listed(tree)
    if names is None:
        assert path not in LIBRARY_MODULES, f"{in_tree(path)} has no __all__"
        return
    assert names == sorted(set(names), key=order)
    missing = {name for name in names if not name.startswith("__")} - bound_anyhow(tree)
    assert not missing


def bound_anyhow(tree: ast.Module) -> set[str]:
    """The names that a module's top level binds, annotated ones included."""
    annotated = {
        node.target.id
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return bound(tree) | annotated


@pytest.mark.parametrize(
    "name",
    [name for name in sessionstore.__all__ if callable(getattr(sessionstore, name, None))],
)
def test_what_is_public_is_explained(name: str) -> None:
    thing = getattr(sessionstore, name)
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return  # a type alias is explained where it is defined
    text = thing.__doc__ or ""
    generated = text.startswith(f"{name}(")  # what dataclass writes when nobody else did
    assert text.strip(), f"{name} has no docstring"
    assert not generated, f"{name} has no docstring of its own"


@pytest.mark.parametrize(
    ("names", "in_order"),
    [
        (["LIMIT", "Session", "__version__", "connect"], True),
        (["Session", "LIMIT"], False),
        (["connect", "Session"], False),
        (["Session", "Parameters"], False),
    ],
)
def test_the_order_is_the_one_meant(names: list[str], in_order: bool) -> None:
    assert (names == sorted(names, key=order)) is in_order


def test_a_planted_list_is_read() -> None:
    assert listed(ast.parse("__all__ = ['b', 'a']")) == ["b", "a"]
    assert listed(ast.parse("__all__: list[str] = ['b']")) == ["b"]
    assert listed(ast.parse("x = 1")) is None
