"""A start that is interrupted, at whatever moment, leaves no server."""

from __future__ import annotations

import contextlib
import json
import linecache
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from sessionstore.embedded import EmbeddedServer, _server
from tests.embedded.scenes import running, servers_in
from tests.support.wait import wait_until


def lines_of_a_start(enter: Callable[[], object], stop_at: int) -> int:
    """Interrupt a start at a line of ours; return how many lines it took, each counted twice."""
    count = 0
    passed: Counter[tuple[str, int]] = Counter()
    begun: set[tuple[int, int]] = set()
    folder = str(Path(_server.__file__).parent)

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        file, line = frame.f_code.co_filename, frame.f_lineno
        if not file.startswith(folder):
            return None
        if event == "line" and passed[file, line] < 2:
            # No signal comes between the end of a block and its `__exit__`, where Python says the
            # line of the `with` once more.
            ends = linecache.getline(file, line).lstrip().startswith("with ")
            if not (ends and (id(frame), line) in begun):
                begun.add((id(frame), line))
                passed[file, line] += 1
                count += 1
                if count == stop_at:
                    raise KeyboardInterrupt
        return trace

    def traced() -> None:
        sys.settrace(trace)
        enter()

    # An error that a tracer raises may stay "handled" for good, and for what comes after; so the
    # thread that it is raised in ends with it.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(traced).result()
    return count


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # no time to close
@pytest.mark.parametrize("place", ["given", "temporary"])
def test_a_start_that_is_interrupted_at_any_line_leaves_no_server(
    directory: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One look rather than many while it starts, so that each line comes about as often as it can.
    monkeypatch.setattr(_server, "POLL_SECONDS", 0.2)
    monkeypatch.setattr(tempfile, "tempdir", str(directory.parent))

    def server() -> EmbeddedServer:
        return EmbeddedServer(directory if place == "given" else None)

    with contextlib.ExitStack() as stack:
        one = server()
        stack.callback(one.stop)
        lines = lines_of_a_start(one.__enter__, 0)
    assert lines > 50
    for line in range(1, lines + 1):
        one = server()
        try:
            lines_of_a_start(one.__enter__, line)
        except KeyboardInterrupt:
            pass
        else:
            one.stop()  # it took fewer lines this time
        wait_until(lambda: servers_in(directory.parent) == [], f"no server after line {line}")
        del one
    if place == "temporary":
        left = [path for path in directory.parent.iterdir() if path.name.startswith("session")]
        assert left == []


@pytest.mark.slow
def test_ctrl_c_while_up_starts_leaves_nothing(directory: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with running("up", "--dir", directory) as child:
        begun = time.monotonic()
        assert child.stdout is not None
        child.stdout.readline()
        usual = time.monotonic() - begun
    for number in range(15):
        interrupt = signal.SIGINT if number % 3 else signal.SIGTERM
        with running("up", "--dir", directory) as child:
            # Mostly in the second half, for the first is only the interpreter that loads.
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=usual * (0.5 + 0.6 * chance.random()))
            child.send_signal(interrupt)
            child.communicate(timeout=30)
        wait_until(lambda: servers_in(directory) == [], f"nothing is left, seed {seed}")


def test_who_joined_a_server_does_not_stop_it(directory: Path) -> None:
    with EmbeddedServer(directory) as server:
        other = EmbeddedServer(directory)
        assert not other.start()
        note = json.loads((directory / "server.json").read_text())
        assert note["starter"]
        assert server.started_here
        assert not other.started_here
