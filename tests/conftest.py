"""The matrix of servers and shells, and how a behaviour that is told once runs on all of it.

`pytest --servers embedded,fake` (or SESSIONSTORE_TEST_SERVERS) chooses servers. Each test process
starts each kind of server once, when it is first needed; each test has a key prefix of its own.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.servers import redis7
from tests.support.worlds import CELLS, KINDS, Places, World

FAKE_CANNOT = {
    "counts": "fakeredis has no INFO commandstats",
    "replicas": "fakeredis has no WAIT",
    "flags": "fakeredis does not know #!lua and its flags",
}
"""What a test may need (`@pytest.mark.needs`) that fakeredis does not do, and why."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--servers",
        default=os.environ.get("SESSIONSTORE_TEST_SERVERS", ",".join(KINDS)),
        help=f"run behaviours on these only, of {','.join(KINDS)}",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(what): skips where a server cannot do that")
    unknown = set(config.getoption("--servers").split(",")) - set(KINDS)
    if unknown:
        raise pytest.UsageError(f"no such server: {', '.join(sorted(unknown))}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "world" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.getoption("--servers").split(",")
    needs = {mark.args[0] for mark in metafunc.definition.iter_markers("needs")}
    cells = []
    for kind in chosen:
        marks = []
        if kind == "redis7" and not redis7():
            marks.append(pytest.mark.skip(reason="no Debian redis-server 7.0 on this machine"))
        if kind == "fake":
            marks += [pytest.mark.skip(reason=FAKE_CANNOT[what]) for what in needs]
        cells += [
            pytest.param((kind, shell), id=f"{kind}-{shell}", marks=marks) for shell in CELLS[kind]
        ]
    metafunc.parametrize("world", cells, indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine function in the loop of its test."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or "runner" not in pyfuncitem.funcargs:
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    runner: asyncio.Runner = pyfuncitem.funcargs["runner"]
    runner.run(pyfuncitem.obj(**arguments))
    return True


@pytest.fixture(scope="session")
def places() -> Iterator[Places]:
    """The servers of this test process."""
    places = Places()
    yield places
    places.close()


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """The event loop of a test."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def world(
    request: pytest.FixtureRequest, places: Places, runner: asyncio.Runner
) -> Iterator[World]:
    """One shell on one server; at the end no key may be left that would stay for ever."""
    kind, shell = request.param
    world = World(kind, shell, None if kind == "fake" else places.get(kind))
    yield world
    runner.run(world.close())


@pytest.fixture
def store(world: World, runner: asyncio.Runner) -> Any:
    """A store whose calls are awaited, whichever shell it is."""
    return runner.run(world.connect())
