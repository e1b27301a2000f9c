"""No test sleeps: it waits for a condition, with `tests/support/wait.py`, or it is a guess."""

from __future__ import annotations

import ast

import pytest

from tests.house.sources import in_tree, python_files, tree_of

MAY_SLEEP = {
    "tests/support/wait.py",
    # No tests, but the jobs that are done in them, which take time.
    "tests/jobs/engines.py",
    "tests/jobs/misbehaving.py",
}
SLEEPERS = {"time.sleep", "asyncio.sleep", "anyio.sleep", "trio.sleep"}


def sleeps(tree: ast.Module) -> list[int]:
    """The lines that sleep, under whatever name; `sleep(0)` of an event loop is no sleep."""
    called: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            called |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            called |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}

    return sorted(
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (name := _full_name(node.func, called)) in SLEEPERS
        and (name == "time.sleep" or not _is_zero(node))
    )


def _full_name(function: ast.expr, called: dict[str, str]) -> str:
    if isinstance(function, ast.Name):
        return called.get(function.id, "")
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{called.get(function.value.id, '')}.{function.attr}"
    return ""


def _is_zero(call: ast.Call) -> bool:
    values = [*call.args, *(keyword.value for keyword in call.keywords)][:1]
    return any(isinstance(value, ast.Constant) and value.value == 0 for value in values)


def test_no_test_sleeps() -> None:
    complaints = [
        f"{in_tree(path)}:{line} sleeps; wait for a condition"
        for path in python_files("tests")
        if in_tree(path) not in MAY_SLEEP
        for line in sleeps(tree_of(path))
    ]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time\ntime.sleep(0)", [2]),
        ("import time as t\nt.sleep(1)", [2]),
        ("from time import sleep as nap\nnap(1)", [2]),
        ("import asyncio\nasync def f():\n    await asyncio.sleep(0.1)", [3]),
        ("import asyncio\nasync def f(n):\n    await asyncio.sleep(delay=n)", [3]),
        ("import asyncio\nasync def f():\n    await asyncio.sleep(0)", []),
        ("from asyncio import sleep\nasync def f():\n    await sleep(0, 'x')", []),
        ("import anyio\nasync def f():\n    await anyio.sleep(1)", [3]),
        ("def sleep(n): ...\nsleep(1)", []),
    ],
)
def test_a_planted_sleep_is_found(source: str, found: list[int]) -> None:
    assert sleeps(ast.parse(source)) == found
