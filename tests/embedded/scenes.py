"""What the tests of the embedded server look at, and the command line that runs one."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sessionstore.embedded import EmbeddedServer
from tests.support.processes import interruptible

__all__ = ["pid_of", "running", "servers_in"]


def servers_in(directory: Path) -> list[int]:
    """The process ids of all that was started for a directory, waiting shells included."""
    command = ("ps", "-axww", "-o", "pid=,stat=,command=")
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return [
        int(pid)
        for pid, state, words in rows
        if ("-server" in words.split()[0] or words.startswith("/bin/sh"))
        and f"{directory}/" in words
        and not state.startswith("Z")
    ]


def pid_of(directory: Path) -> int:
    pid = EmbeddedServer(directory).pid
    assert pid is not None
    return pid


@contextlib.contextmanager
def running(*words: object) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        (sys.executable, "-m", "sessionstore", *map(str, words)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,  # noqa: PLW1509
    ) as child:
        try:
            yield child
        finally:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=20)
            child.kill()
