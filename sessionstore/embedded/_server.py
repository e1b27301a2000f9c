"""The one server of a directory: started once, found by all, stopped by anybody.

DIRECTORY/               0700, ours
├── lock                 flock held while somebody starts or stops the server
├── server.json          process id, birth of that process, path of the socket
├── server.log           what the server says
├── server.sock          0700; elsewhere if the path is too long for a socket
└── appendonlydir/       the data: every write reaches the kernel before its reply
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sessionstore.embedded._binary import find_server
from sessionstore.errors import ConfigError, StoreUnavailable

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Process", "address", "answers", "birth", "locked", "recorded", "start", "stop"]

START_SECONDS = 60.0
"""How long a server may take until it answers: it reads its data first."""

STOP_SECONDS = 5.0
"""How long each way of stopping a server may take before the next, harsher one."""

PING_SECONDS = 1.0
POLL_SECONDS = 0.01

MAX_MEMORY = "1gb"
"""Above it the server refuses writes, which is better than a machine without memory."""

LONGEST_SOCKET_PATH = 103
"""In bytes: macOS has room for 104 and Linux for 108, the final NUL included."""

# The server may not run before its identity is on disk: else a starter that is killed in between
# leaves a server that the next caller does not know of, and two servers write the same files. So
# the shell waits for a line on its input, and gives up when its input ends without one.
# A background process of a shell that has ended is nobody's child here, so nobody has to reap it.
LAUNCH = """
umask 077
exec 3<&0
{ read go && exec "$@" </dev/null 3<&-; } <&3 >>"$0" 2>&1 &
echo $!
"""


def start(directory: Path) -> bool:
    """Return once the server of a directory answers; whether this call started it."""
    if sys.platform == "win32":
        raise StoreUnavailable("no embedded server on Windows; give the URL of one (redis://…)")
    _make_private(directory)
    _make_private(_socket_path(directory).parent)
    if answers(address(directory)):
        return False

    with locked(directory):
        started = False
        process = recorded(directory)
        deadline = time.monotonic() + START_SECONDS
        while not answers(address(directory)):
            if process is None or not process.alive:
                if started:
                    raise StoreUnavailable(f"the server ended at once: {_last_words(directory)}")
                process = _launch(directory)
                started = True
            elif time.monotonic() > deadline:
                # It may be a big one that still reads its data: starting a second is no remedy.
                raise StoreUnavailable(
                    f"the server of {directory} (pid {process.pid}) has not answered for"
                    f" {START_SECONDS:g} s: {_last_words(directory)}; try again later, or stop it"
                )
            time.sleep(POLL_SECONDS)
        return started


def _launch(directory: Path) -> Process:
    place = _socket_path(directory)
    command = (
        *("/bin/sh", "-c", LAUNCH, directory / "server.log", find_server()),
        *("--port", "0", "--unixsocket", place, "--unixsocketperm", "700"),
        *("--dir", directory, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
        *("--maxmemory", MAX_MEMORY, "--maxmemory-policy", "noeviction"),
        # An index of a few hundred sessions takes 37 B for each as a listpack, 93 B as a skip list.
        *("--zset-max-listpack-entries", "500"),
    )
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as shell:
        pid = int(shell.stdout.readline() or -1) if shell.stdout else -1
        process = Process(pid, birth(pid) or "", str(place))
        _record(directory, process)
        shell.communicate(b"go\n")
    return process


def stop(directory: Path) -> None:
    """End the server of a directory that the caller has locked, if there is one."""
    place = address(directory)
    listening = bool(_ask(place, b"PING"))
    if listening:
        _ask(place, b"SHUTDOWN", seconds=STOP_SECONDS)  # it writes all out, and needs no signal

    process = recorded(directory)
    if process is not None:
        patience = STOP_SECONDS if listening else 0.0
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not process.gone(within=patience):
                process.send(number)
                patience = STOP_SECONDS
        if not process.gone(within=patience):
            raise StoreUnavailable(f"the server of {directory} (pid {process.pid}) does not end")

    (directory / "server.json").unlink(missing_ok=True)
    place.unlink(missing_ok=True)
    if place.parent != directory:
        with contextlib.suppress(OSError):
            place.parent.rmdir()


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Let only one process, and one thread of it, start or stop the server of a directory."""
    _make_private(directory)
    deadline = time.monotonic() + START_SECONDS + STOP_SECONDS
    try:
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"{directory} cannot be locked: {error.strerror}") from error
    try:
        while not _taken(lock):
            if time.monotonic() > deadline:
                raise StoreUnavailable(f"{directory} is kept locked; try again later")
            time.sleep(POLL_SECONDS)
        yield
    finally:
        # Closing is not enough: a child forked meanwhile has a copy, which would keep the lock.
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def address(directory: Path) -> Path:
    """Return where the socket is: its starter may have had another temporary directory than we."""
    process = recorded(directory)
    return Path(process.socket) if process else _socket_path(directory)


def _socket_path(directory: Path) -> Path:
    path = directory / "server.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"sessionstore-{os.geteuid()}-{name}", path.name)


def answers(place: Path) -> bool:
    """Return whether a server is ready at a socket; an error that it replies is an answer too.

    Whoever calls it next gets that error, which says what is wrong with the server.
    """
    reply = _ask(place, b"PING")
    return bool(reply) and not reply.startswith(b"-LOADING")


def _ask(place: Path, command: bytes, *, seconds: float = PING_SECONDS) -> bytes:
    """Return the start of the reply; nothing if nobody answers, or hangs up."""
    if not _is_private(place.parent):
        return b""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(seconds)
        peer.connect(os.fsencode(place))
        peer.sendall(command + b"\r\n")
        return peer.recv(64)
    return b""


@dataclass(frozen=True, slots=True)
class Process:
    """A server as its starter saw it; process ids are used again, an id and a birth are not."""

    pid: int
    birth: str
    socket: str

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

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens if it has just ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


def _record(directory: Path, process: Process) -> None:
    unfinished = directory / "server.json.new"
    unfinished.write_text(json.dumps(asdict(process)))
    unfinished.replace(directory / "server.json")  # readers do not take the lock


def recorded(directory: Path) -> Process | None:
    """Return the server that was last started in a directory, dead or alive."""
    try:
        return Process(**json.loads((directory / "server.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


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

else:

    def birth(pid: int) -> str | None:
        """Return when a process was born, in a form to compare; None if it is dead or a zombie."""
        command = ("/bin/ps", "-o", "state=,lstart=", "-p", str(pid))
        neutral = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
        line = subprocess.run(command, env=neutral, capture_output=True, check=False).stdout
        state, _, born = line.decode("ascii", "replace").strip().partition(" ")
        return None if not born or state.startswith("Z") else born.strip()


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"{directory} cannot be made: {error.strerror}") from error
    if not _is_private(directory):
        raise ConfigError(
            f"{directory} is not a directory that belongs to this user and that only this user"
            " may write to; change its owner or mode (chmod 700), or name another"
        )


def _is_private(directory: Path) -> bool:
    try:
        facts = os.lstat(directory)  # a link, too, may be somebody else's
    except OSError:
        return False
    ours = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid()
    return ours and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _last_words(directory: Path) -> str:
    try:
        lines = (directory / "server.log").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
