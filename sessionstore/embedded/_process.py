"""Server processes: which one it is, whether it lives, and how it is ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sessionstore.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["POLL_SECONDS", "STOP_SECONDS", "Process", "birth", "serving"]

STOP_SECONDS = 5.0
"""How long each way of stopping a server may take before the next, harsher one."""

POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Process:
    """A process; ids are used again, an id and a birth are not."""

    pid: int
    birth: str

    @property
    def alive(self) -> bool:
        """Whether it is still there: a later process with its id is another."""
        return bool(self.birth) and birth(self.pid) == self.birth

    def gone(self, *, within: float) -> bool:
        """Return whether it ends within a number of seconds."""
        deadline = time.monotonic() + within
        while self.alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def end(self, *, patience: float = 0.0) -> None:
        """End it, by force if need be; StoreUnavailable if that does not help.

        Its data is safe in any case: what it acknowledged has reached the kernel. `patience` is for
        one that has been told to end already.
        """
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.gone(within=patience):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, number)
                patience = STOP_SECONDS
        if not self.gone(within=patience):
            raise StoreUnavailable(f"the server with pid {self.pid} does not end")


def serving(place: Path) -> list[Process]:
    """Find the servers that were started to listen at a place, also if nobody reaches them there.

    They are those whose files were removed, and the note of who they are with them.
    """
    found = (pid for pid, command in _commands() if _listens(command, os.fsencode(place)))
    return [Process(pid, born) for pid in found if (born := birth(pid))]


def _listens(command: bytes, place: bytes) -> bool:
    # A server writes what it does over its arguments, which are there until then.
    told = command.rstrip(b"\0 \n").endswith(b"unixsocket:" + place.rstrip(b" "))
    return told or b" --unixsocket %b " % place in command.replace(b"\0", b" ")


if sys.platform == "linux":

    def birth(pid: int) -> str | None:
        """Return when a process was born, in a form to compare; None if it is dead or a zombie."""
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
            # After the name in parentheses, which may hold anything, come the state and 18 more.
            state, *more = Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()
        except OSError:
            return None
        return None if state in "ZX" else f"{boot} {more[18]}"

    def _commands() -> Iterator[tuple[int, bytes]]:
        """Yield our processes with their arguments, those of other containers left out."""
        for at in Path("/proc").iterdir():
            # Processes end while we look, and those of others may not be looked at.
            with contextlib.suppress(OSError):
                ours = at.name.isdecimal() and at.stat().st_uid == os.geteuid()
                if ours and (at / "ns/mnt").samefile("/proc/self/ns/mnt"):
                    yield int(at.name), (at / "cmdline").read_bytes()

else:

    def birth(pid: int) -> str | None:
        """Return when a process was born, in a form to compare; None if it is dead or a zombie."""
        line = _ps("-o", "state=,lstart=", "-p", str(pid))
        state, _, born = line.decode("ascii", "replace").strip().partition(" ")
        return None if not born or state.startswith("Z") else born.strip()

    def _commands() -> Iterator[tuple[int, bytes]]:
        """Yield our processes with their arguments."""
        for line in _ps("-xww", "-U", str(os.geteuid()), "-o", "pid=,command=").splitlines():
            pid, _, command = line.strip().partition(b" ")
            yield int(pid), command

    def _ps(*options: str) -> bytes:
        neutral = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
        command = ("/bin/ps", *options)
        return subprocess.run(command, env=neutral, capture_output=True, check=False).stdout
