"""The directory of a server: whose it is, where its socket is, and the note of its process.

DIRECTORY/               0700, ours
├── lock                 flock held while somebody starts or stops the server
├── server.json          the note: see `Note`; gone when the server was stopped on purpose
├── server.log           what the server says
├── server.sock          0700; elsewhere if the path is too long for a socket
└── appendonlydir/       the data: every write reaches the kernel before its reply
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from sessionstore.embedded._process import POLL_SECONDS, Process
from sessionstore.errors import ConfigError, StoreUnavailable

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Note", "address", "forget", "is_private", "last_words", "locked", "make_private", "note",
    "noted", "socket_path",
]  # fmt: skip

LONGEST_SOCKET_PATH = 103
"""In bytes: macOS has room for 104 and Linux for 108, the final NUL included."""


@dataclass(frozen=True, slots=True)
class Note:
    """A server as its starter saw it.

    A note without a living process is of a server that was killed. What was stopped has none.
    """

    pid: int
    birth: str
    socket: str
    home: str
    """Which directory it is, whatever its name: a copy has another, a moved one has not."""

    starter: str
    """Who started it and will stop it; empty: it stays."""

    @property
    def process(self) -> Process:
        """The process that it is about."""
        return Process(self.pid, self.birth)


def note(directory: Path, process: Process, *, starter: str) -> None:
    """Write down the server of a directory."""
    told = Note(process.pid, process.birth, str(socket_path(directory)), _home(directory), starter)
    unfinished = directory / "server.json.new"
    unfinished.write_text(json.dumps(asdict(told)))
    unfinished.replace(directory / "server.json")  # readers do not take the lock


def noted(directory: Path) -> Note | None:
    """Return the server that was last started in a directory and not stopped, dead or alive."""
    try:
        read: dict[str, Any] = json.loads((directory / "server.json").read_text())
        told = Note(**read)
        whole = isinstance(read["pid"], int) and isinstance(read["socket"], str)
        return told if whole and told.home == _home(directory) else None
    except (OSError, ValueError, TypeError):
        return None


def forget(directory: Path, place: Path) -> None:
    """Remove the note of a server that was stopped, and its socket."""
    (directory / "server.json").unlink(missing_ok=True)
    place.unlink(missing_ok=True)
    if place.parent != directory:
        with contextlib.suppress(OSError):
            place.parent.rmdir()


def _home(directory: Path) -> str:
    facts = directory.stat()
    return f"{facts.st_dev}:{facts.st_ino}"


def address(directory: Path) -> Path:
    """Return where the socket is: its starter may have had another temporary directory than we."""
    told = noted(directory)
    return Path(told.socket) if told else socket_path(directory)


def socket_path(directory: Path) -> Path:
    """Return where the socket of a server goes that we start."""
    path = directory / "server.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"sessionstore-{os.geteuid()}-{name}", path.name)


@contextlib.contextmanager
def locked(directory: Path, *, within: float) -> Iterator[None]:
    """Let only one process, and one thread of it, start or stop the server of a directory."""
    check_private(directory)
    deadline = time.monotonic() + within
    with _lock_of(directory) as lock:
        try:
            while not _taken(lock):
                if time.monotonic() > deadline:
                    raise StoreUnavailable(f"{directory} is kept locked; try again later")
                time.sleep(POLL_SECONDS)
            yield
        finally:
            # Closing is not enough: a child forked meanwhile has a copy, which would keep the lock.
            fcntl.flock(lock, fcntl.LOCK_UN)


def _lock_of(directory: Path) -> IO[bytes]:
    try:
        return (directory / "lock").open("ab")  # for the owner alone, as is the directory
    except OSError as error:
        raise StoreUnavailable(f"{directory} cannot be locked: {error.strerror}") from error


def _taken(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def make_private(directory: Path) -> None:
    """Make a directory that is ours alone, or make sure that it is."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"{directory} cannot be made: {error.strerror}") from error
    check_private(directory)


def check_private(directory: Path) -> None:
    """Make sure that a directory is ours alone."""
    if not is_private(directory):
        raise ConfigError(
            f"{directory} is not a directory that belongs to this user and that only this user"
            " may write to; change its owner or mode (chmod 700), or name another"
        )


def is_private(directory: Path) -> bool:
    """Return whether nobody else may change what is in a directory."""
    try:
        facts = os.lstat(directory)  # a link, too, may be somebody else's
    except OSError:
        return False
    ours = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid()
    return ours and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def last_words(directory: Path) -> str:
    """Return the last line that the server of a directory has said."""
    try:
        lines = (directory / "server.log").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
