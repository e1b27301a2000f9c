"""Real servers for these tests, each in a directory of its own; and stores in them."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

from sessionstore import SessionStore
from tests.faults import checks
from tests.support.proxy import Proxy
from tests.support.servers import Standalone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.worlds import Place, Places

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    """A server that stays up; each test uses a prefix of its own."""
    with Standalone(None, tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def prefix() -> str:
    return f"t{os.getpid()}-{next(NUMBERS)}"


@pytest.fixture
def server(shared_server: Standalone, prefix: str) -> Iterator[Standalone]:
    yield shared_server
    checks.every_key_expires(shared_server, prefix)


@pytest.fixture
def store(server: Standalone, prefix: str) -> Iterator[SessionStore]:
    with SessionStore.connect(server.url, prefix=prefix, buckets=checks.BUCKETS) as store:
        yield store


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Standalone]:
    """A server to be killed; it keeps its data."""
    with Standalone(None, tmp_path / "server") as server:
        yield server


@pytest.fixture(params=("embedded", "sentinel", "cluster"), scope="module")
def place(request: pytest.FixtureRequest, places: Places) -> Place:
    """A deployment that stays up; a test that asks for it is repeated on every kind."""
    return places.get(request.param)


@pytest.fixture(scope="module")
def proxy(place: Place) -> Iterator[Proxy]:
    """Stands before all the servers of the deployment."""
    with Proxy(place.url, *(node.port for node in place.nodes)) as proxy:
        yield proxy
