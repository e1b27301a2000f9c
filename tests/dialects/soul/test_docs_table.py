"""docs/soul.md names a test for everything that is documented, and each of them exists."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

from sessionstore.dialects.soul import Online, PersistentObjectInfo, Thread
from tests.house.sources import ROOT

DOCUMENT = (ROOT / "docs" / "soul.md").read_text(encoding="utf-8")
ROWS = [
    row
    for row in re.findall(r"^\| .*\|$", DOCUMENT, re.MULTILINE)
    if not row.endswith("| shown by |")
]
REFERENCE = re.compile(r"`(\w+)::(\w+)`")
TESTS = {
    f"{path.stem.removeprefix('test_')}::{node.name.removeprefix('test_')}"
    for path in (ROOT / "tests" / "dialects" / "soul").glob("test_*.py")
    for node in ast.parse(path.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
}


def test_there_are_rows() -> None:
    assert len(ROWS) > 140


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[:40])
def test_every_row_says_what_is_done_and_names_a_test(row: str) -> None:
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip("|"))]
    assert len(cells) == 3
    assert all(cells)
    named = ["::".join(found) for found in REFERENCE.findall(cells[-1])]
    assert named
    assert [name for name in named if name not in TESTS] == []


def test_every_function_and_parameter_is_in_the_document() -> None:
    names = [name for name in dir(Thread) if not name.startswith("_")]
    names += [name for name in vars(Online) if not name.startswith("_")]
    names += [name for name in vars(PersistentObjectInfo) if not name.startswith("_")]
    names += [name for name in inspect.signature(Online).parameters if name.startswith("SES")]
    for_python = {"open_session", "objects_of_login", "objects_of_session", "list_of", "store"}
    missing = {name for name in set(names) - for_python if not re.search(rf"\b{name}\b", DOCUMENT)}
    assert not missing
