"""One app server of a replay, a process with some threads, and what it does for a request.

Measured are, in nanoseconds of `time.monotonic_ns`, which all processes of a machine share:

- opening: from the call to the session in hand, creating it and waiting for it included;
- hand-over, if the open had to wait: from the moment before the previous holder called `close` (it
  wrote that moment into the session) to the waiter's next line. So it includes the close itself.
"""

from __future__ import annotations

import queue
import signal
import threading
import time
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import NamedTuple

from sessionstore.cli.replay.access_log import Request
from sessionstore.cli.replay.client_sessions import session_id
from sessionstore.errors import SessionEnded, SessionExists, SessionNotFound
from sessionstore.session import Session
from sessionstore.store import SessionStore

__all__ = ["Done", "Failed", "Ready", "Where", "main"]

LAST_PATHS = 20
WAIT = timedelta(minutes=1)
TIMEOUT = timedelta(days=1)  # a long log takes its time; the sessions are ended afterwards
TOGETHER = 8  # requests that are reported at once


class Where(NamedTuple):
    """A store, for a process that is to connect to it."""

    url: str
    prefix: str
    buckets: int

    def connect(self, *, create: bool = True) -> SessionStore:
        """Connect to it."""
        return SessionStore.connect(
            self.url, prefix=self.prefix, buckets=self.buckets, create=create
        )

    def __repr__(self) -> str:
        return f"Where(prefix={self.prefix!r})"  # the URL may hold a password


class Ready(NamedTuple):
    """The app server is connected and waits for requests."""


class Done(NamedTuple):
    """Some requests are done: how long their opens took, and the hand-overs of those in line."""

    opens: list[int]
    handovers: list[int]


class Failed(NamedTuple):
    """The app server could not go on."""

    error: Exception


def main(pipe: Connection, where: Where, threads: int) -> None:
    """Serve the requests that come through a pipe, until None comes or the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started us
    try:
        with where.connect() as store:
            AppServer(pipe, store).run(threads)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # who started us is gone
    except Exception as error:  # noqa: BLE001 - it is told to who started us
        _send_error(pipe, error)


class AppServer:
    """Hands requests to threads, and reports what they measured a few at a time."""

    def __init__(self, pipe: Connection, store: SessionStore) -> None:
        self._pipe = pipe
        self._store = store
        self._calls: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._reporting = threading.Lock()
        self._opens: list[int] = []
        self._handovers: list[int] = []
        self._stopping = False

    def run(self, threads: int) -> None:
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for worker in workers:
            worker.start()
        self._pipe.send(Ready())
        try:
            while (batch := self._pipe.recv()) is not None:
                for request in batch:
                    self._calls.put(request)
        finally:
            self._stopping = True
            for _ in workers:
                self._calls.put(None)
            for worker in workers:
                worker.join(timeout=2)

    def _work(self) -> None:
        try:
            while (request := self._calls.get()) is not None and not self._stopping:
                self._note(*serve(self._store, request))
        except (BrokenPipeError, ConnectionResetError):
            pass  # who started us is gone
        except Exception as error:  # noqa: BLE001 - it is told to who started us
            with self._reporting:
                _send_error(self._pipe, error)

    def _note(self, open_ns: int, handover_ns: int | None) -> None:
        with self._reporting:
            self._opens.append(open_ns)
            if handover_ns is not None:
                self._handovers.append(handover_ns)
            if len(self._opens) >= TOGETHER or self._calls.empty():
                self._pipe.send(Done(self._opens, self._handovers))
                self._opens, self._handovers = [], []


def serve(store: SessionStore, request: Request) -> tuple[int, int | None]:
    """Do what a request asks for; return how long the open took, and the hand-over if it waited."""
    called = time.monotonic_ns()
    session = _opened(store, session_id(request.client))
    in_hand = time.monotonic_ns()
    handover = in_hand - session["released_at"] if session.waited else None

    session["count"] += 1
    session["paths"] = [*session["paths"], request.path][-LAST_PATHS:]
    session["released_at"] = time.monotonic_ns()
    session.close()
    return in_hand - called, handover


def _opened(store: SessionStore, id: str) -> Session:
    while True:
        try:
            return store.open(id, wait=WAIT)
        except (SessionNotFound, SessionEnded):  # ended: by an earlier run under this prefix
            pass
        try:
            new = {"count": 0, "paths": [], "released_at": time.monotonic_ns()}
            return store.create(id, timeout=TIMEOUT, data=new)
        except SessionExists:
            pass  # another app server was faster: wait for it as for any holder


def _send_error(pipe: Connection, error: Exception) -> None:
    try:
        pipe.send(Failed(error))
    except OSError:
        pass
    except Exception:  # noqa: BLE001 - an error that cannot be sent is told in words
        pipe.send(Failed(RuntimeError(f"{type(error).__name__}: {error}")))
