"""A server whose clock the test sets, by libfaketime (Debian's package of that name)."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path

from sessionstore.embedded import find_server
from tests.support.servers import Standalone
from tests.support.wait import wait_until

__all__ = ["FakedClock", "library"]


def library() -> Path | None:
    """Return the library; SESSIONSTORE_LIBFAKETIME says where it is if not where Debian puts it."""
    if given := os.environ.get("SESSIONSTORE_LIBFAKETIME"):
        return Path(given)
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


class FakedClock:
    """A server in a directory, and the file that says what its clock shows."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self._file = directory / "clock"
        self._set("+0")
        wrapper = directory / "server"
        settings = {
            "LD_PRELOAD": library(),
            "FAKETIME_TIMESTAMP_FILE": self._file,
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        words = [f"{name}={value}" for name, value in settings.items()] + [str(find_server())]
        wrapper.write_text(f'#!/bin/sh\nexec env {shlex.join(words)} "$@"\n', encoding="utf-8")
        wrapper.chmod(0o700)
        self.server = Standalone(wrapper, directory)

    def now(self) -> float:
        """Return what the clock of the server shows."""
        seconds, microseconds = self.server.ask("TIME")
        return int(seconds) + int(microseconds) / 1_000_000

    def jump(self, offset: float) -> None:
        """Let the clock show the right time plus so many seconds."""
        before = self.now()
        self._set(f"{offset:+.0f}")
        wait_until(lambda: abs(self.now() - before) > 30, "the clock has jumped")

    def drift(self, speed: float) -> None:
        """Let the clock run faster or slower, from about the right time on."""
        self._set(f"+0 x{speed}")
        wait_until(lambda: abs(self.now() - time.time()) < 30, "the clock is about right")

    def _set(self, text: str) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(f"{text}\n", encoding="ascii")
        new.replace(self._file)
