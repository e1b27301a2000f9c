"""What the processes of a load do, written down as they do it: a kill takes nothing away from it.

Each process appends to a file of its own, before and after every step. A time is that of the
monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "CLOSING",
    "FAILED",
    "LOST",
    "OPEN",
    "SURE",
    "TRYING",
    "UNKNOWN",
    "Entry",
    "Journal",
    "Journals",
]

TRYING = "try"
"""Before an open."""
OPEN = "open"
"""After it: `begun` is when it was asked for."""
CLOSING = "closing"
SURE = "sure"
"""The close was acknowledged."""
LOST = "lost"
"""It was refused: the lease is lost."""
UNKNOWN = "unknown"
FAILED = "failed"
"""Nothing was opened, or for sure nothing was saved; `why` says what was told."""


class Entry(NamedTuple):
    """One line; `task` tells apart what goes on at the same time in one process."""

    at: float
    kind: str
    task: int
    id: str
    begun: float
    fence: int
    why: str

    @property
    def settled(self) -> bool:
        """Whether a task has nothing under way after it."""
        return self.kind in (SURE, LOST, UNKNOWN, FAILED)


class Journal:
    """Written by one process."""

    def __init__(self, directory: Path, name: str) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = os.open(directory / f"{name}.journal", flags, 0o600)

    def note(
        self, kind: str, task: int, id: str, begun: float = 0.0, fence: int = 0, why: str = ""
    ) -> None:
        line = f"{time.monotonic():.6f}\t{kind}\t{task}\t{id}\t{begun:.6f}\t{fence}\t{why}\n"
        os.write(self._file, line.encode())

    def close(self) -> None:
        os.close(self._file)


class Journals:
    """Read by the one who watches, also while they are written."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[Path, int] = {}
        self.entries: dict[str, list[Entry]] = defaultdict(list)
        self.sure: dict[str, list[float]] = defaultdict(list)
        """When the updates of each session were acknowledged; in order within each process."""

    def look(self) -> None:
        """Read what was written since the last look."""
        for path in sorted(self._directory.glob("*.journal")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._read[path] = self._read.get(path, 0) + len(whole)
            for line in whole.decode().splitlines():
                at, kind, task, id, begun, fence, why = line.split("\t")
                entry = Entry(float(at), kind, int(task), id, float(begun), int(fence), why)
                self.entries[path.stem].append(entry)
                if kind == SURE:
                    self.sure[id].append(entry.at)

    def all(self) -> Iterator[tuple[str, Entry]]:
        for name, entries in self.entries.items():
            for entry in entries:
                yield name, entry

    def doing(self, name: str) -> str:
        """Return what a process with one task was at: `holding`, `waiting` or `between`."""
        self.look()
        last = self.entries[name][-1] if self.entries[name] else None
        if last is None or last.settled:
            return "between"
        return {TRYING: "waiting", OPEN: "holding", CLOSING: "closing"}[last.kind]
