"""Callbacks: what the jobs of a session tell, brought to whoever was set for its type."""

from __future__ import annotations

import threading
from collections import deque
from enum import IntEnum
from typing import Any, NamedTuple, Protocol, runtime_checkable

from sessionstore import JobFailed
from sessionstore.dialects.oxsvr._com import ComError, Number
from sessionstore.dialects.oxsvr._connection import Connection
from sessionstore.dialects.oxsvr._errors import INotifyErrors

__all__ = ["Callback", "CallbackType", "Callbacks", "IJobSink", "Notified"]

KEPT = 1000


class CallbackType(IntEnum):
    """What callbacks can be about; the values were never published, and are ours."""

    cbQueued = 1
    cbRunning = 2
    cbProgress = 3
    cbStatus = 4
    cbLog = 5
    cbResult = 6
    cbFailed = 7
    cbCancelled = 8
    cbLost = 9
    cbSessionEnded = 10
    cbAsk = 11
    cbGap = 12


TYPES = {
    "queued": CallbackType.cbQueued,
    "running": CallbackType.cbRunning,
    "progress": CallbackType.cbProgress,
    "status": CallbackType.cbStatus,
    "log": CallbackType.cbLog,
    "result": CallbackType.cbResult,
    "failed": CallbackType.cbFailed,
    "cancelled": CallbackType.cbCancelled,
    "lost": CallbackType.cbLost,
    "session-ended": CallbackType.cbSessionEnded,
    "ask": CallbackType.cbAsk,
    "gap": CallbackType.cbGap,
}


class Callback(NamedTuple):
    """A callback that a sink has kept."""

    Type: CallbackType
    Body: Any
    UserData: Any


@runtime_checkable
class Notified(Protocol):
    """Whatever can be set for callbacks: an `IJobSink`, or an object with this method."""

    def Notify(self, Type: CallbackType, Body: Any, UserData: Any, Errors: INotifyErrors) -> Any:
        """Take a callback, in a thread of the library.

        To a question (cbAsk) what is returned is the answer, if it is not None; errors that are
        added to `Errors` are an answer, too.
        """


class IJobSink:
    """A sink that keeps callbacks, the last 1,000, until they are taken with `Next`."""

    def __init__(self) -> None:
        self._kept: deque[Callback] = deque(maxlen=KEPT)
        self._changed = threading.Condition()

    def Notify(self, Type: CallbackType, Body: Any, UserData: Any, Errors: INotifyErrors) -> Any:  # noqa: ARG002 - it has none
        """Keep a callback; a class of yours may do something else."""
        with self._changed:
            self._kept.append(Callback(Type, Body, UserData))
            self._changed.notify()

    def Next(self, Timeout: float | None = None) -> Callback | None:
        """Return the next callback, waiting for it; None if there is none after so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._kept, Timeout)
            return self._kept.popleft() if self._kept else None


class Callbacks:
    """Who gets the callbacks of a session, by their type: one for each, and all in order."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._set: dict[CallbackType, tuple[Notified, Any]] = {}
        self._sink: Any = None

    def set(self, kind: int, sink: Notified | None, user_data: Any) -> None:
        """Set who gets callbacks of a type from now on; None: nobody."""
        if kind not in set(CallbackType):
            raise ComError(Number.E_INVALIDARG, description=f"there is no callback type {kind!r}")
        if sink is None:
            self._set.pop(CallbackType(kind), None)
            return
        if not isinstance(sink, Notified):
            raise ComError(Number.E_INVALIDARG, description="a sink has a method Notify")
        self._set[CallbackType(kind)] = (sink, user_data)
        if self._sink is None:
            connection = self._connection
            with connection.working():
                self._sink = connection.jobs.sink(connection.id, self._deliver, types=tuple(TYPES))

    def _deliver(self, kind: str, body: Any, _: Any) -> Any:
        found = self._set.get(TYPES[kind])
        if found is None:
            return None
        sink, user_data = found
        errors = INotifyErrors()
        answer = sink.Notify(TYPES[kind], body, user_data, errors)
        if told := errors.as_told():
            raise JobFailed("", errors=tuple(told), why="a callback has answered with errors")
        return answer
