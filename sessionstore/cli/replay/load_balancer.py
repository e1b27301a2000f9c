"""The replay itself: app servers as processes, and the load balancer in front of them.

The balancer deals the requests in the order of the log, each to a server drawn at random, and runs
ahead of them by a few requests only: so a burst of one client in the log is a burst at the servers.
"""

from __future__ import annotations

import multiprocessing
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from sessionstore.cli.replay import app_server
from sessionstore.cli.replay.access_log import Request
from sessionstore.cli.replay.app_server import Done, Failed, Ready, Where
from sessionstore.errors import SessionStoreError

__all__ = ["Crashed", "Measured", "replay"]

AHEAD = 4
"""How many requests each thread of a server has at most, the one it works on included."""

START_WITHIN = 60.0
STOP_WITHIN = 5.0


class Crashed(Exception):
    """An app server ended, or failed with an error that is not one of the store."""


@dataclass
class Measured:
    """What the app servers measured, in nanoseconds."""

    seconds: float = 0.0
    opens: list[int] = field(default_factory=list)
    handovers: list[int] = field(default_factory=list)


@dataclass(eq=False)
class Server:
    """An app server as the balancer sees it."""

    process: SpawnProcess
    pipe: Connection
    room: int
    waiting: list[Request] = field(default_factory=list)

    def take(self) -> Ready | Done:
        """Return what it sent; raise what made it fail."""
        try:
            message = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(STOP_WITHIN)
            raise Crashed(
                f"{self.process.name} ended in the middle of the run"
                f" (exit status {self.process.exitcode})"
            ) from None
        if isinstance(message, Failed):
            if isinstance(message.error, SessionStoreError):
                raise message.error
            raise Crashed(f"{self.process.name} failed: {message.error!r}")
        assert isinstance(message, (Ready, Done))  # noqa: S101 - for the type checker
        return message

    def send(self, requests: list[Request] | None) -> None:
        try:
            self.pipe.send(requests)
        except OSError:
            if requests is not None:
                self.take()  # says why it is gone


def replay(
    requests: Sequence[Request],
    where: Where,
    *,
    servers: int,
    concurrency: int,
    seed: int,
    progress: Callable[[int], None],
) -> Measured:
    """Replay requests on a fleet of app servers; `progress` is told how many more are done.

    Raises Crashed, or the error of the store that stopped an app server.
    """
    chance = random.Random(seed)  # noqa: S311 - a load, not a secret
    measured = Measured()
    with _fleet(where, servers, concurrency) as fleet:
        undealt = iter(requests)
        held_back: tuple[Server, Request] | None = None
        begun = time.monotonic()
        while len(measured.opens) < len(requests):
            held_back = _deal(undealt, held_back, fleet, chance)
            for server in _with_news(fleet, None):
                done = server.take()
                if isinstance(done, Done):
                    server.room += len(done.opens)
                    measured.opens += done.opens
                    measured.handovers += done.handovers
                    progress(len(done.opens))
        measured.seconds = time.monotonic() - begun
    return measured


def _deal(
    undealt: Iterator[Request],
    held_back: tuple[Server, Request] | None,
    fleet: Sequence[Server],
    chance: random.Random,
) -> tuple[Server, Request] | None:
    """Deal requests until one is for a server that has no room; return that one."""
    while True:
        if held_back is None:
            request = next(undealt, None)
            if request is None:
                break
            held_back = chance.choice(fleet), request
        server, request = held_back
        if server.room == 0:
            break
        server.waiting.append(request)
        server.room -= 1
        held_back = None
    for server in fleet:
        if server.waiting:
            server.send(server.waiting)
            server.waiting = []
    return held_back


@contextmanager
def _fleet(where: Where, servers: int, concurrency: int) -> Iterator[list[Server]]:
    """Start the app servers, wait until all are ready, and stop them, whatever happens."""
    fleet: list[Server] = []
    try:
        with _deaf_to_interrupts():
            for number in range(servers):
                threads = concurrency // servers + (number < concurrency % servers)
                fleet.append(_started(number + 1, where, threads))
        unready = list(fleet)
        deadline = time.monotonic() + START_WITHIN
        while unready:
            news = _with_news(unready, deadline - time.monotonic())
            if not news:
                raise Crashed(f"{unready[0].process.name} did not start within a minute")
            for server in news:
                server.take()
                unready.remove(server)
        yield fleet
    finally:
        _stop(fleet)


def _started(number: int, where: Where, threads: int) -> Server:
    spawn = multiprocessing.get_context("spawn")
    pipe, theirs = spawn.Pipe()
    process = spawn.Process(
        target=app_server.main,
        args=(theirs, where, threads),
        name=f"app server {number}",
        daemon=True,
    )
    process.start()
    theirs.close()
    return Server(process, pipe, room=threads * AHEAD)


def _stop(fleet: Sequence[Server]) -> None:
    for server in fleet:
        server.send(None)
    deadline = time.monotonic() + STOP_WITHIN
    for server in fleet:
        while server.process.is_alive() and time.monotonic() < deadline:
            _drain(server)
        if server.process.is_alive():
            server.process.kill()
        server.process.join()
        server.pipe.close()


def _drain(server: Server) -> None:
    """Throw away what an app server still reports, for a full pipe would keep it from ending."""
    ready = connection.wait([server.pipe, server.process.sentinel], timeout=0.1)
    if server.pipe in ready:
        try:
            server.pipe.recv()
        except (EOFError, OSError):
            server.process.join(STOP_WITHIN)


def _with_news(fleet: Sequence[Server], timeout: float | None) -> list[Server]:
    """Wait until servers have something to say, their end included; return them."""
    ready = connection.wait([server.pipe for server in fleet], timeout)
    return [server for server in fleet if server.pipe in ready]


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let what is started here inherit that Ctrl-C is not for it, from its first moment on."""
    if not hasattr(signal, "pthread_sigmask") or (
        threading.current_thread() is not threading.main_thread()
    ):
        yield
        return
    resource_tracker.ensure_running()  # else it starts in between, and lifts the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
