"""A child process: it runs plain functions, one at a time, and can be killed.

It talks with the worker over a socket, in msgpack: it is given jobs, told to stop, and answered;
it says what a job tells and asks, and how it ends. Values of the application are bytes there.
One thread reads, another one sends what is due later; functions have the main thread.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import queue
import runpy
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any

import msgpack

from sessionstore._checks import Duration, optional_milliseconds
from sessionstore.data import decode
from sessionstore.errors import ConfigError, SessionStoreError
from sessionstore.jobs.engine import JobDefinition, find_definition
from sessionstore.jobs.stopped import Stopped
from sessionstore.worker._context import Facts, JobContext
from sessionstore.worker._failures import Errors, errors_of, failure, returned, written
from sessionstore.worker._questions import answered, question
from sessionstore.worker._tellings import Tellings

__all__: list[str] = []

SOFT = signal.SIGUSR1
"""Has the main thread look whether its job is to stop, even while it sleeps."""

DEATH_OF_PARENT = 1
"""PR_SET_PDEATHSIG of Linux."""


class Line:
    """The connection with the worker; it is not for processes that a job starts."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.set_inheritable(False)
        self.is_fork = False
        """Whether this is a copy of the process, which a job has made."""
        self.lock = threading.RLock()
        self.late: queue.SimpleQueue[Call] = queue.SimpleQueue()
        """Jobs that have told something which is sent later."""
        os.register_at_fork(after_in_child=self._forked)

    def say(self, number: int, *words: Any) -> None:
        """Tell the worker something of the job of a number."""
        with self.lock:
            self._connection.sendall(msgpack.packb((number, *words)))

    def _forked(self) -> None:
        self.is_fork = True
        self._connection.close()
        self.lock = threading.RLock()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # whoever sends it there means the copy

    def hear(self) -> Any:
        """Give what the worker says, until it is gone."""
        unpacker = msgpack.Unpacker()
        while data := self._connection.recv(65536):
            unpacker.feed(data)
            yield from unpacker


class Call:
    """One job, as long as its function runs: the teller of its context."""

    def __init__(self, line: Line, job: str, number: int) -> None:
        self.job = job
        self.number = number
        self.stopping: Stopped | None = None
        self._answers: dict[int, queue.SimpleQueue[tuple[bytes | None, str]]] = {}
        self.tellings = Tellings()
        self.runs = False
        """Whether its function has the main thread, so that it may be interrupted."""
        self._line = line
        self._inside = 0
        self._interrupted = False
        self._asked = 0
        self._is_late = False

    def __enter__(self) -> Tellings:
        """Begin to tell something, which no soft exception breaks off half-way."""
        if self._line.is_fork:
            raise ConfigError("a job tells and asks in its own process, not in a fork of that")
        if _in_main_thread():
            self._inside += 1
        self._line.lock.acquire()
        return self.tellings

    def __exit__(self, *_: object) -> None:
        """Have it sent, now or when it is due."""
        self.flush()
        if self.tellings.due is not None and not self._is_late:
            self._is_late = True
            self._line.late.put(self)
        self._line.lock.release()
        if _in_main_thread():
            self._inside -= 1
            self.interrupt()

    def flush(self, *, last: bool = False) -> None:
        """Send what is due; all of it, if it is the last time."""
        with self._line.lock:
            due = self.tellings.due
            if due is not None and (last or due <= time.monotonic()):
                self._line.say(self.number, "tell", *self.tellings.take())

    def send_late(self) -> None:
        """Wait until something is due, and send it."""
        due = self.tellings.due
        if due is not None:
            time.sleep(max(0.0, due - time.monotonic()))
        with self._line.lock:
            self.flush()
            self._is_late = self.tellings.due is not None
            if self._is_late:
                self._line.late.put(self)  # behind others: it may be over

    def interrupt(self) -> None:
        """Raise in the function why it is to stop, once, and in no wrong moment."""
        if self.stopping and self.runs and not self._inside and not self._interrupted:
            self._interrupted = True
            raise self.stopping

    def ask(self, kind: str, body: Any, timeout: Duration | None, default: Any) -> Any:
        """Ask the sinks of the session; JobFailed if they answer with errors."""
        event, wait_ms = question(kind, body), optional_milliseconds(timeout, "timeout")
        answer = self._request("ask", event.id, event.body, wait_ms)
        return answered(self.job, answer, default)

    def read(self, name: str) -> bytes | None:
        """Read a file of the job."""
        return self._request("read", name)

    def attach(self, name: str, data: bytes) -> None:
        """Give the job a file."""
        self._request("attach", name, data)

    def _request(self, *words: Any) -> bytes | None:
        with self:
            self.flush(last=True)
            self._asked += 1
            number = self._asked
            awaited = self._answers[number] = queue.SimpleQueue()
            self._line.say(self.number, "request", number, *words)
        try:
            answer, error = awaited.get()
        finally:
            del self._answers[number]
        if error:
            raise SessionStoreError(error)
        return answer

    def answer(self, number: int, answer: bytes | None, error: str) -> None:
        """Take in the answer to a request, for the thread that waits for it."""
        if (awaited := self._answers.get(number)) is not None:
            awaited.put((answer, error))


class Child:
    """The process: it does one job after the other."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._call = Call(line, "", 0)

    def run(self) -> None:
        """Do jobs for ever: whoever wants this process to end ends it."""
        signal.signal(SOFT, self._soft)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # that goes to everybody; the worker decides
        signal.signal(signal.SIGTERM, self._terminated)
        for work in (self._hear, self._send_what_is_due):
            threading.Thread(target=work, daemon=True).start()
        while True:
            self._orders.get()()

    def _prepare(self, jobs: list[list[str]]) -> None:
        """Import the engines of jobs that may come."""
        for job in jobs:
            with suppress(BaseException):  # whoever does that job tells it
                _definition(*job)

    def _do(self, call: Call, order: Mapping[str, Any]) -> None:
        self._line.say(call.number, "taken")
        how, words = self._done(call, order)
        if self._line.is_fork:
            os._exit(0)  # a copy has come to the end of its job, and has no other
        call.runs = False
        call.flush(last=True)
        self._line.say(call.number, how, *words)

    def _soft(self, _number: int, _frame: FrameType | None) -> None:
        self._call.interrupt()

    def _terminated(self, _number: int, _frame: FrameType | None) -> None:
        if self._call.stopping:  # else it goes to a whole group, and the worker decides
            os._exit(128 + signal.SIGTERM)

    def _done(self, call: Call, order: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
        """Do a job; return how that ended."""
        try:
            definition = _definition(order["name"], order["module"], order["main"])
        except BaseException as error:  # noqa: BLE001 - code of the application
            return _failed(errors_of(error))
        if definition is None:
            text = f"{order['module']} defines no job {order['name']} when it is imported"
            return _failed([failure("unknown-job", text)])
        id, session, name, attempt, fence, files = order["facts"]
        context = JobContext(call, Facts(id, session, name, attempt, fence, tuple(files)))
        try:
            parameters = decode(order["parameters"], "parameters")
            try:
                call.runs = True
                call.interrupt()
                result = definition.function(context, **parameters)
            finally:
                call.runs = False
        except BaseException as error:  # noqa: BLE001 - code of the job
            return _failed(errors_of(error), isinstance(error, definition.options.retry_on))
        body, errors = returned(result)
        return _failed(errors) if errors else ("done", (body,))

    def _send_what_is_due(self) -> None:
        while True:
            self._line.late.get().send_late()

    def _hear(self) -> None:
        try:
            for what, number, *words in self._line.hear():
                self._take_in(what, number, words)
        finally:
            os._exit(1)  # without a worker that can be understood there is nothing to do

    def _take_in(self, what: str, number: int, words: list[Any]) -> None:
        if what == "do":
            self._call = Call(self._line, words[0]["id"], number)
            self._orders.put(partial(self._do, self._call, words[0]))
        elif what == "prepare":
            self._orders.put(partial(self._prepare, words[0]))
        elif number != self._call.number:
            return  # of a job that is over
        elif what == "answer":
            self._call.answer(*words)
        elif what == "stop":
            self._call.stopping = Stopped(words[0], words[1])
            signal.pthread_kill(threading.main_thread().ident or 0, SOFT)


def _in_main_thread() -> bool:
    return threading.get_ident() == threading.main_thread().ident


def _definition(name: str, module: str, main: str) -> JobDefinition | None:
    if find_definition(name) is None:
        if main:
            runpy.run_path(main, run_name="__mp_main__")
        else:
            importlib.import_module(module)
    return find_definition(name)


def _failed(errors: Errors, again: bool = False) -> tuple[str, tuple[Any, ...]]:
    return "failed", (written(errors), again)


def main() -> None:
    """Work until the worker ends this process, or is gone."""
    if sys.platform == "linux":  # reaches even one whose threads cannot run
        ctypes.CDLL(None).prctl(DEATH_OF_PARENT, signal.SIGKILL)
    Child(Line(socket.socket(fileno=int(sys.argv[1])))).run()


if __name__ == "__main__":
    main()
