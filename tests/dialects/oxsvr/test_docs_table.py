"""docs/oxsvr.md names a test for everything that is documented, and each of them exists."""

from __future__ import annotations

import ast
import re

import pytest

import sessionstore.dialects.oxsvr as dialect
from tests.house.sources import ROOT

DOCUMENT = (ROOT / "docs" / "oxsvr.md").read_text(encoding="utf-8")
ROWS = [
    row
    for row in re.findall(r"^\| .*\|$", DOCUMENT, re.MULTILINE)
    if not row.endswith("| shown by |")
]
REFERENCE = re.compile(r"`(\w+)::(\w+)`")
TESTS = {
    f"{path.stem.removeprefix('test_')}::{node.name.removeprefix('test_')}"
    for folder in ("tests/dialects/oxsvr", "tests/workers")
    for path in (ROOT / folder).glob("test_*.py")
    for node in ast.parse(path.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
}
FOR_PYTHON = {
    *("number", "description", "source", "as_told", "with_traceback", "add_note", "args"),
    *("property_attribute", "user", "password", "password_type", "guid", "count", "index"),
    *("Body", "Type", "UserData", "Callback", "Credentials"),
}
"""Names that the documents do not know, and that need no row."""


def test_there_are_rows() -> None:
    assert len(ROWS) > 80


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[:40])
def test_every_row_says_what_is_done_and_names_a_test(row: str) -> None:
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip("|"))]
    assert len(cells) == 3
    assert all(cells)
    named = ["::".join(found) for found in REFERENCE.findall(cells[-1])]
    assert named
    assert [name for name in named if name not in TESTS] == []


@pytest.mark.parametrize("name", dialect.__all__)
def test_every_member_is_in_the_document(name: str) -> None:
    thing = getattr(dialect, name)
    members = (
        [one for one in vars(thing) if not one.startswith("_")] if isinstance(thing, type) else []
    )
    missing = {
        one
        for one in {name, *members} - FOR_PYTHON - set(dialect.Number.__members__)
        if not re.search(rf"\b{one}\b", DOCUMENT)
    }
    assert not missing


def test_every_test_of_the_dialect_is_named() -> None:
    """What has no row was forgotten in the document."""
    named = {"::".join(found) for found in REFERENCE.findall(DOCUMENT)}
    aside = ("docs_table::", "pool::", "lic::licences_are_read", "arguments::")
    assert not {name for name in TESTS - named if not name.startswith(aside)}
