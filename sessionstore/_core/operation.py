"""The one idea: an operation is a value that says what to ask of Redis and how to read the answer.

An `Operation` is a script, its keys, its arguments and a parser; it does no I/O. A `Flow` is a
generator for what takes more than one round trip: it yields operations (or a list of them, or a
`Wake`) and gets raw replies back, so a driver that can answer these three can run every flow.
Inside a flow, `answer = yield from operation` gives the parsed and typed answer.

Flows never sleep, log, read a clock or touch a socket. A driver that cannot get an answer throws
the error into the flow at the place where it waits; what the flow yields after that is its
cleaning up, and is carried out before the error goes on. Of a list, each operation has an answer
of its own: a `SessionStoreError` in place of the reply that could not be had. `each` hands that
on; with `together` all fail if one does.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from sessionstore._core.scripts import Script
from sessionstore.errors import SessionStoreError, ValueTooLarge

__all__ = [
    "LONGEST",
    "Arguments",
    "Fetch",
    "Flow",
    "Operation",
    "Step",
    "Wake",
    "batch",
    "check_length",
    "each",
]

T = TypeVar("T")
Arguments: TypeAlias = "tuple[str | bytes | int, ...]"

LONGEST = 512 << 20
"""Bytes in one key or argument: a server takes no more, and breaks the connection off."""

AT_ONCE = 64
"""How many operations go in one round trip: a server answers others in between, and in time."""


def check_length(id: str, length: int, what: str) -> None:
    """Raise ValueTooLarge for what is not even sent: more bytes than a server takes at once."""
    if length > LONGEST:
        raise ValueTooLarge(id, size=length, limit=LONGEST, why=f"{what} would have")


@dataclass(slots=True, eq=False, repr=False)
class Fetch:
    """A hash that is read right behind a script, in the same write; in a script it costs more.

    Between the two, others may change it.
    """

    key: str
    status: bytes
    """The first item of the reply to which what was read belongs."""

    in_vain: Callable[[int], None]
    """Is told how many bytes came although the reply is another."""

    def join(self, reply: Any, found: Any) -> Any:
        """Return the reply of the script, with what was read as its last item."""
        if isinstance(reply, list) and reply[0] == self.status:
            return found if isinstance(found, Exception) else [*reply, found]
        if isinstance(found, list):
            self.in_vain(sum(map(len, found)))
        return reply


@dataclass(slots=True, eq=False, repr=False)
class Operation(Generic[T]):
    """One script call. It can be sent again after a lost reply: every script sees to that."""

    script: Script
    keys: tuple[str, ...]
    args: Arguments
    parse: Callable[[Any], T]
    unanswered: bool = False
    """Set by the driver when it has sent this and no answer came, so that it may be done."""
    fetch: Fetch | None = None

    def __iter__(self) -> Generator[Step, Any, T]:
        return self.parse((yield self))


@dataclass(slots=True, eq=False)
class Wake:
    """Wait until something is pushed on a list, or the time is over; the answer says nothing."""

    key: str
    milliseconds: int


Step: TypeAlias = "Operation[Any] | list[Operation[Any]] | Wake"
Flow: TypeAlias = Generator[Step, Any, T]


def each(operations: Sequence[Operation[T]]) -> Flow[list[T | SessionStoreError]]:
    """Do many operations in few round trips; the answers are in order, each or its error."""
    answers: list[T | SessionStoreError] = []
    for part in _parts(operations):
        replies = yield part
        for operation, reply in zip(part, replies, strict=True):
            try:
                answers.append(_parsed(operation, reply))
            except SessionStoreError as error:
                answers.append(error)
    return answers


def batch(operations: Sequence[Operation[T]]) -> Flow[list[T]]:
    """Do many operations in few round trips, and return their answers in order, if all succeed."""
    answers: list[T] = []
    for part in _parts(operations):
        replies = yield part
        answers += map(_parsed, part, replies)
    return answers


def _parts(operations: Sequence[Operation[T]]) -> Iterator[list[Operation[T]]]:
    for first in range(0, len(operations), AT_ONCE):
        yield list(operations[first : first + AT_ONCE])


def _parsed(operation: Operation[T], reply: Any) -> T:
    if isinstance(reply, SessionStoreError):
        raise reply
    return operation.parse(reply)
