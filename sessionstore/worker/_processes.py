"""Starting the processes of a worker: never by a fork, for this one has threads."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from typing import Any

import msgpack

__all__ = ["DIES_WITHIN", "Spawned", "start_module"]

DIES_WITHIN = 5.0
"""Seconds in which a process that was killed has ended, unless the system itself keeps it."""

LAST_WORDS = 0.5
"""Seconds in which is read what a process has said that has ended.

Its line ends with it, unless another process has that, too.
"""


class Spawned:
    """A process that runs a module of ours; talks with it over a socket, in msgpack."""

    def __init__(
        self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.process = process
        self._reader = reader
        self._writer = writer
        self._unpacker = msgpack.Unpacker()
        self.is_garbled = False
        """Whether it has said something that is none of its words: somebody else wrote there."""
        self._watching = asyncio.ensure_future(self._watch())

    @property
    def has_ended(self) -> bool:
        """Whether it is known to have ended."""
        return self.process.returncode is not None

    def say(self, words: Any) -> None:
        """Tell it something."""
        if not self._writer.is_closing():
            self._writer.write(msgpack.packb(words))

    async def hear(self) -> Any:
        """Return what it says next; None if it says nothing more that can be understood."""
        try:
            while not self.is_garbled:
                for words in self._unpacker:
                    self.is_garbled = not isinstance(words, list)
                    return None if self.is_garbled else words
                if not (data := await self._reader.read(65536)):
                    break
                self._unpacker.feed(data)
        except ConnectionError:
            pass
        except (ValueError, msgpack.UnpackException):
            self.is_garbled = True
        return None

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it is there."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def end(self, grace: float = 0) -> int:
        """End it, after a grace in seconds; return its status, below 0 if a signal ended it."""
        self._writer.close()
        self._watching.cancel()
        try:
            async with asyncio.timeout(grace):
                return await self.process.wait()
        except TimeoutError:
            pass
        finally:
            self.send_signal(signal.SIGKILL)  # also if nobody waits for its end
        with suppress(TimeoutError):
            async with asyncio.timeout(DIES_WITHIN):
                return await self.process.wait()
        return -signal.SIGKILL

    async def _watch(self) -> None:
        """Hang up when it has ended, whoever holds the line."""
        await self.process.wait()
        await asyncio.sleep(LAST_WORDS)
        self._writer.transport.abort()


async def start_module(module: str, *, stdin: int = DEVNULL) -> Spawned:
    """Start a module of ours in an interpreter of its own, which finds what this one finds.

    Its argument is the number of its socket. OSError if no process can be started.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # what lies about in the working directory takes no part, unless it does here
                "-m",
                module,
                str(theirs.fileno()),
                stdin=stdin,
                pass_fds=(theirs.fileno(),),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        except BaseException:
            writer.close()
            raise
    return Spawned(process, reader, writer)
