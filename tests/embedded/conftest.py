"""A directory for a server, of which nothing is left at the end."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessionstore.embedded import EmbeddedServer
from tests.embedded.scenes import servers_in


@pytest.fixture
def directory() -> Iterator[Path]:
    # Not tmp_path: it may be too long for a socket, and here the socket says whose the server is.
    with tempfile.TemporaryDirectory(prefix="ss-") as parent:
        path = Path(parent).resolve() / "store"
        yield path
        for pid in servers_in(path):
            os.kill(pid, signal.SIGCONT)
        EmbeddedServer(path).stop()
        assert servers_in(path) == []
