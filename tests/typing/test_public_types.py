"""Who uses the package is told its types: its examples and documents hold under strict checkers.

All of them are put into one folder outside of this project, as a customer has it, and each checker
goes over that folder once. `synchronous.py` and `asynchronous.py` say which type the central calls
return, so that none becomes `Any` unnoticed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.documents import DOCUMENTS, ROOT, program

HERE = Path(__file__).parent
CODE = [
    *sorted((ROOT / "examples").glob("*.py")),
    HERE / "synchronous.py",
    HERE / "asynchronous.py",
]

# A document may leave out the annotations of the functions that it shows, but for the README.
SHORT = ("# mypy: allow-untyped-defs, allow-untyped-calls", "# pyright: standard")

MYPY = """
[mypy]
strict = true
python_version = 3.11
warn_unreachable = true
enable_error_code = ignore-without-code, possibly-undefined, redundant-expr
mypy_path = typings
"""
PYRIGHT = {
    "exclude": ["typings"],
    "typeCheckingMode": "strict",
    "pythonVersion": "3.11",
    "reportUnnecessaryTypeIgnoreComment": True,
    "enableTypeIgnoreComments": False,  # those are for mypy
}

# lxml ships no types.
LXML = "from typing import Any\ndef __getattr__(name: str) -> Any: ...\n"


@pytest.fixture(scope="module")
def customer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all code that is shown to people, and the settings of the checkers."""
    folder = tmp_path_factory.mktemp("customer")
    for path in CODE:
        shutil.copy(path, folder)
    for path in DOCUMENTS:
        lines = program(path.read_text(encoding="utf-8")).split("\n")
        if any(lines):
            assert not any(lines[: len(SHORT)]), f"{path} starts with code"
            if path.name != "README.md":
                lines[: len(SHORT)] = SHORT
            name = path.stem.lower().replace("-", "_")
            (folder / f"{name}_md.py").write_text("\n".join(lines), encoding="utf-8")
    (folder / "typings" / "lxml").mkdir(parents=True)
    (folder / "typings" / "lxml" / "__init__.pyi").touch()
    (folder / "typings" / "lxml" / "etree.pyi").write_text(LXML)
    (folder / "mypy.ini").write_text(MYPY)
    (folder / "pyrightconfig.json").write_text(json.dumps(PYRIGHT))
    return folder


def check(*command: str, folder: Path) -> None:
    # Both take the packages of the interpreter that is first on PATH or runs them: ours.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
def test_what_people_are_shown_holds_under_mypy_strict(
    customer: Path, pytestconfig: pytest.Config
) -> None:
    assert pytestconfig.cache is not None
    known = str(pytestconfig.cache.mkdir("mypy"))
    names = sorted(path.name for path in customer.glob("*.py"))
    check(sys.executable, "-m", "mypy", "--cache-dir", known, *names, folder=customer)


@pytest.mark.slow
def test_what_people_are_shown_holds_under_pyright_strict(customer: Path) -> None:
    pytest.importorskip("basedpyright", reason="`make lint` installs it")
    check(sys.executable, "-m", "basedpyright", folder=customer)
