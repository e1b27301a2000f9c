"""What is not named by `__all__` cannot be imported without an underscore."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.sources import in_tree, module_name, python_files, tree_of

PROGRAM = "sessionstore.cli"
"""A program, and nothing to be imported."""


def is_public(path: Path) -> bool:
    parts = module_name(in_tree(path)).split(".")
    return not any(part.startswith("_") for part in parts) and not ".".join(parts).startswith(
        PROGRAM
    )


PUBLIC = [path for path in python_files("sessionstore") if is_public(path)]


def defined(tree: ast.Module) -> set[str]:
    """The names that a module defines itself, at its top."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = [part for target in targets for part in ast.walk(target)]
            names |= {part.id for part in found if isinstance(part, ast.Name)}
    return names


def listed(tree: ast.Module) -> set[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


@pytest.mark.parametrize("path", PUBLIC, ids=in_tree)
def test_a_public_module_defines_what_it_lists_and_else_what_is_private(path: Path) -> None:
    tree = tree_of(path)
    assert {name for name in defined(tree) - listed(tree) if not name.startswith("_")} == set()


def test_there_are_public_modules() -> None:
    assert {"store", "session", "errors", "config", "testing"} <= {path.stem for path in PUBLIC}


def test_a_planted_name_is_found() -> None:
    tree = ast.parse("__all__ = ['A']\nclass A: ...\nB, _C = 1, 2\ndef d(): ...\nE: int = 1")
    assert defined(tree) - listed(tree) == {"__all__", "B", "_C", "d", "E"}
