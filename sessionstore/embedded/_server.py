"""The one server of a directory: started once, found by all, stopped by anybody.

Two servers never write the same files: whoever starts one holds the lock of the directory, and has
ended every other one that was started there, found by the note or else among the processes.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from enum import Enum, auto
from pathlib import Path

from sessionstore.embedded._allocator import environment
from sessionstore.embedded._binary import find_server
from sessionstore.embedded._directory import (
    address,
    forget,
    is_private,
    last_words,
    locked,
    make_private,
    note,
    noted,
    socket_path,
)
from sessionstore.embedded._process import POLL_SECONDS, STOP_SECONDS, Process, birth, serving
from sessionstore.errors import SessionStoreError, StoreUnavailable

__all__ = ["State", "look", "revive", "start", "stop"]

START_SECONDS = 60.0
"""How long a server may take until it answers: it reads its data first."""

SILENT_SECONDS = 3.0
"""How long a server may say nothing at all. One that reads its data says so."""

REVIVE_SECONDS = 2.0
"""How long a call that has failed waits for a server that was killed."""

PING_SECONDS = 1.0

MAX_MEMORY = "1gb"
"""Above it the server refuses writes, which is better than a machine without memory."""

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


class State(Enum):
    """How a server answers."""

    READY = auto()
    LOADING = auto()
    SILENT = auto()
    ABSENT = auto()


def look(directory: Path) -> State:
    """Return how the server of a directory answers."""
    reply = _ask(address(directory), b"PING")
    if reply is None:
        return State.ABSENT
    if not reply:
        return State.SILENT
    # Any other error is an answer: whoever calls it next gets that, and so learns what is wrong.
    return State.LOADING if reply.startswith(b"-LOADING") else State.READY


def start(directory: Path, starter: str = "") -> bool:
    """Return once the server of a directory answers; whether this call started it."""
    if sys.platform == "win32":
        raise StoreUnavailable("no embedded server on Windows; give the URL of one (redis://…)")
    make_private(directory)
    make_private(socket_path(directory).parent)
    started, before, since = False, State.READY, time.monotonic()
    while (seen := look(directory)) is not State.READY:
        if seen is State.ABSENT:
            if started:
                raise StoreUnavailable(f"the server ended at once: {last_words(directory)}")
            started = _launch(directory, starter, within=START_SECONDS + STOP_SECONDS)
            continue
        if seen is not before:
            before, since = seen, time.monotonic()
        _check_patience(directory, seen, time.monotonic() - since)
        time.sleep(POLL_SECONDS)
    return started


def _check_patience(directory: Path, seen: State, seconds: float) -> None:
    """Raise StoreUnavailable if a server that is there has been looked at for long enough.

    Starting a second one would be no remedy.
    """
    told = noted(directory)
    name = f"the server of {directory} (pid {told.pid if told else 'unknown'})"
    if seen is State.LOADING and seconds > START_SECONDS:
        raise StoreUnavailable(
            f"{name} still reads its data after {START_SECONDS:g} s: {last_words(directory)};"
            " try again later"
        )
    if seen is State.SILENT and seconds > SILENT_SECONDS:
        raise StoreUnavailable(
            f"{name} has not answered for {SILENT_SECONDS:g} s: {last_words(directory)};"
            " try again later, or stop it"
        )


def revive(directory: Path) -> None:
    """Start the server of a directory again if it was killed: for clients whose call has failed.

    One that was stopped on purpose is left so, and one that is only slow is left alone. It takes a
    few seconds at most, and what does not work the client learns from its next try.
    """
    told = noted(directory)
    if told is None or _listens(Path(told.socket)):
        return
    deadline = time.monotonic() + REVIVE_SECONDS
    with contextlib.suppress(SessionStoreError):
        make_private(socket_path(directory).parent)
        _launch(directory, told.starter, within=REVIVE_SECONDS, again=True)
        while look(directory) is not State.READY and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)


def _launch(directory: Path, starter: str, *, within: float, again: bool = False) -> bool:
    """Start the server of a directory and wait until it says something; False: it is there."""
    with locked(directory, within=within):
        if look(directory) is not State.ABSENT or (again and noted(directory) is None):
            return False
        _end_all(directory)
        try:
            process = _spawn(directory, starter)
        except OSError as error:
            raise StoreUnavailable(f"no server can be started in {directory}: {error}") from error
        deadline = time.monotonic() + START_SECONDS
        while process.alive and not _listens(socket_path(directory)):
            if time.monotonic() > deadline:
                raise StoreUnavailable(f"the server does not come up: {last_words(directory)}")
            time.sleep(POLL_SECONDS)
    return True


def _spawn(directory: Path, starter: str) -> Process:
    place = socket_path(directory)
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
        env=environment(),
        start_new_session=True,
    ) as shell:
        pid = int(shell.stdout.readline() or -1) if shell.stdout else -1
        process = Process(pid, birth(pid) or "")
        note(directory, process, starter=starter)
        shell.communicate(b"go\n")
    return process


def stop(directory: Path) -> None:
    """End the server of a directory, if there is one, and see to it that no client revives it."""
    if not directory.is_dir():
        _end_all(directory)  # whoever removed the directory has left it running
        return
    with locked(directory, within=START_SECONDS + STOP_SECONDS):
        _end_all(directory)
        forget(directory, address(directory))


def _end_all(directory: Path) -> None:
    """End all servers that were started in a directory."""
    place, told = address(directory), noted(directory)
    asked = bool(_ask(place, b"PING"))
    if asked:
        _ask(place, b"SHUTDOWN", seconds=STOP_SECONDS)  # it writes all out, and needs no signal
    found = {told.process} if told and told.process.alive else set()
    for process in found.union(*map(serving, {place, socket_path(directory)})):
        process.end(patience=STOP_SECONDS if asked else 0.0)


def _listens(place: Path) -> bool:
    """Return whether somebody is behind a socket, however busy."""
    return _ask(place, b"") is not None


def _ask(place: Path, command: bytes, *, seconds: float = PING_SECONDS) -> bytes | None:
    """Return the start of the reply; empty if there is none in time, None if nobody is there."""
    if not is_private(place.parent):
        return None
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(seconds)
        try:
            peer.connect(os.fsencode(place))
        except TimeoutError:
            return b""  # so many wait to be let in
        except OSError:
            return None
        if command:
            with contextlib.suppress(OSError):
                peer.sendall(command + b"\r\n")
                return peer.recv(64)
    return b""
