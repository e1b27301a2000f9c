"""Operations as commands: by the hash of the script, and by its text where that is not known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hiredis import pack_command
from redis.exceptions import AskError, NoScriptError

from sessionstore._core.operation import Operation
from sessionstore.errors import StoreUnavailable

__all__ = [
    "Asked",
    "Make",
    "call",
    "call_with_text",
    "elsewhere",
    "joined",
    "lost_scripts",
    "packed",
    "pop",
    "with_fetches",
]

Command = tuple[Any, ...]
Make = Callable[[Operation[Any], bool], Command]

ASKING: Command = ("ASKING",)
"""Lets the next command work on what has moved here already, of a slot that is still elsewhere."""

CONFIRM: Command = ("WAIT", 1, 1000)
"""Asks how many replicas have all that this connection has changed, for a second at most."""


def call(operation: Operation[Any], shebang: bool) -> Command:
    """Return the command that calls a script the server most likely knows.

    Without `shebang` the script goes as it is to engines that do not know `#!lua`.
    """
    keys = operation.keys
    script = operation.script if shebang else operation.script.without_shebang()
    return ("EVALSHA", script.sha, len(keys), *keys, *operation.args)


def call_with_text(operation: Operation[Any], shebang: bool) -> Command:
    """Return the command that brings the script along.

    EVAL, to the same server, rather than SCRIPT LOAD: on a cluster that would go to every primary,
    and one that is down would fail calls to the others.
    """
    keys = operation.keys
    script = operation.script if shebang else operation.script.without_shebang()
    return ("EVAL", script.text, len(keys), *keys, *operation.args)


def pop(key: str, seconds: float) -> Command:
    """Return the command that waits for something on a list, for so long; 0 would be for ever."""
    return ("BLPOP", key, f"{max(seconds, 0.001):.3f}")


def packed(commands: Sequence[Command]) -> bytes:
    """Return commands as they go over the wire; redis-py would look at every argument twice.

    hiredis writes out a number by a call that runs signal handlers, and crashes if one of them
    raises, as that of Ctrl-C does. So it gets none.
    """
    return b"".join([pack_command(_in_words(command)) for command in commands])


def _in_words(command: Command) -> Command:
    return tuple([str(part) if type(part) is int else part for part in command])


def with_fetches(operations: Sequence[Operation[Any]], make: Make, shebang: bool) -> list[Command]:
    """Return the commands for operations, and for what is read behind them."""
    commands: list[Command] = []
    for operation in operations:
        commands.append(make(operation, shebang))
        if operation.fetch is not None:
            commands.append(("HGETALL", operation.fetch.key))
    return commands


def joined(operations: Sequence[Operation[Any]], replies: list[Any]) -> list[Any]:
    """Return one reply for each operation, with what was read behind it."""
    if len(replies) == len(operations):
        return replies
    rest = iter(replies)
    return [
        next(rest) if one.fetch is None else one.fetch.join(next(rest), next(rest))
        for one in operations
    ]


class Asked:
    """Operations as they go over one connection, and what else belongs to them there."""

    __slots__ = ("_asking", "_confirmed", "_operations", "commands", "count")

    def __init__(
        self,
        operations: list[Operation[Any]],
        make: Make,
        shebang: bool,
        *,
        safe: bool,
        asking: bool,
    ) -> None:
        self._operations = operations
        self._asking = asking
        self._confirmed = safe and any(operation.script.writes for operation in operations)
        commands = with_fetches(operations, make, shebang)
        if asking:  # it holds for one command
            commands = [part for command in commands for part in (ASKING, command)]
        if self._confirmed:
            commands.append(CONFIRM)
        self.commands = packed(commands)
        self.count = len(commands)

    def answers(self, replies: list[Any]) -> list[Any]:
        """Return the reply to each operation, an error in its place."""
        confirmed = replies.pop() if self._confirmed else None
        if self._asking:
            del replies[::2]
        replies = joined(self._operations, replies)
        if self._confirmed:
            _unconfirmed(self._operations, replies, confirmed)
        return replies


def _unconfirmed(operations: Sequence[Operation[Any]], replies: list[Any], replicas: Any) -> None:
    """Put an error in place of each reply to a change that no replica has confirmed."""
    if replicas == 0 or isinstance(replicas, Exception):
        for at, operation in enumerate(operations):
            if operation.script.writes and not isinstance(replies[at], Exception):
                replies[at] = StoreUnavailable(
                    "no replica confirmed the change within a second; it holds unless the primary"
                    " fails before one does",
                    unknown=True,
                )


def elsewhere(replies: list[Any]) -> list[int]:
    """Return which of the calls another server must be asked, that has their slot by now."""
    return [at for at, reply in enumerate(replies) if isinstance(reply, AskError)]


def lost_scripts(replies: list[Any]) -> list[int]:
    """Return which of the calls found that the server does not know the script."""
    return [at for at, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
