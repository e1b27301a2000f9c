"""One embedded server for all tests of the command line, and the two ways to call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, NamedTuple

import pytest

from sessionstore.cli.app import run
from sessionstore.embedded import EmbeddedServer
from sessionstore.store import SessionStore
from tests.support.processes import interruptible

PREFIXES = (f"cli{number}" for number in count())


class Said(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    with EmbeddedServer() as server:
        yield server.url


@pytest.fixture
def prefix() -> str:
    return next(PREFIXES)


@pytest.fixture
def store(url: str, prefix: str) -> Iterator[SessionStore]:
    with SessionStore.connect(url, prefix=prefix) as connected:
        yield connected


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command line in this process."""

    def call(*words: str) -> Said:
        capsys.readouterr()
        status = run(words)
        return Said(status, *capsys.readouterr())

    return call


@pytest.fixture
def ss(cli: Callable[..., Said], url: str, prefix: str, store: SessionStore) -> Callable[..., Said]:
    """Run a command on the store of the test."""
    return lambda *words: cli(*words, "--url", url, "--prefix", prefix)


@pytest.fixture
def process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command line as a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            (sys.executable, "-m", "sessionstore", *words),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=interruptible,  # noqa: PLW1509
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()
