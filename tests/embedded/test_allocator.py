"""The server allocates with jemalloc where the system has it, and starts all the same without."""

from __future__ import annotations

import sys
from ctypes.util import find_library
from pathlib import Path

import pytest

from sessionstore.embedded import EmbeddedServer, _allocator

JEMALLOC = find_library("jemalloc") if sys.platform == "linux" else None


def maps(server: EmbeddedServer) -> str:
    return Path(f"/proc/{server.pid}/maps").read_text()


@pytest.mark.skipif(JEMALLOC is None, reason="no jemalloc on this system")
def test_the_server_allocates_with_jemalloc(directory: Path) -> None:
    with EmbeddedServer(directory) as server:
        assert str(JEMALLOC) in maps(server)


def test_the_server_starts_where_there_is_none(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_allocator, "find_library", lambda name: None)
    with EmbeddedServer(directory) as server:
        assert server.running
        log = (directory / "server.log").read_text()
    assert "LD_PRELOAD" not in log


@pytest.mark.skipif(sys.platform != "linux", reason="only there it is loaded so")
@pytest.mark.parametrize(
    ("before", "after"), [(None, "libjemalloc.so.2"), ("own.so", "own.so:libjemalloc.so.2")]
)
def test_what_the_user_has_chosen_to_load_stays_and_comes_first(
    before: str | None, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_allocator, "find_library", lambda name: "libjemalloc.so.2")
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    if before:
        monkeypatch.setenv("LD_PRELOAD", before)
    assert _allocator.environment()["LD_PRELOAD"] == after
