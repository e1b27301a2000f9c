"""Tests of a module alone are found by its name: `tests/unit` has the folders of the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.sources import ROOT, in_tree, python_files

UNIT = ROOT / "tests" / "unit"
TESTS = [path for path in python_files("tests/unit") if path.name.startswith("test_")]


def modules(folder: Path) -> set[str]:
    """The modules of a folder of the package, without the underscore that keeps them private."""
    return {path.stem.lstrip("_") for path in folder.glob("*.py")}


def is_of_one(test: Path, names: set[str]) -> bool:
    name = test.stem.removeprefix("test_")
    return any(name == module or name.startswith(f"{module}_") for module in names)


@pytest.mark.parametrize("test", TESTS, ids=in_tree)
def test_a_unit_test_is_named_after_its_module(test: Path) -> None:
    assert is_of_one(test, modules(ROOT / "sessionstore" / test.parent.relative_to(UNIT)))


def test_there_are_unit_tests() -> None:
    assert {path.parent.name for path in TESTS} >= {"_core", "_redis", "_shell", "data"}


@pytest.mark.parametrize(
    ("name", "fits"), [("test_values", True), ("test_values_of_any_shape", True), ("test_x", False)]
)
def test_a_planted_name_is_judged_right(name: str, fits: bool) -> None:
    assert is_of_one(Path(f"{name}.py"), {"values", "graph"}) is fits
