"""Starting the processes of a worker: never by a fork, for this one has threads."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from typing import Any

import msgpack

__all__ = ["Spawned", "start_module"]


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
        if grace:
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    return await self.process.wait()
        with suppress(ProcessLookupError):
            self.process.kill()
        return await self.process.wait()


async def start_module(module: str) -> Spawned:
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
                stdin=DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        except BaseException:
            writer.close()
            raise
    return Spawned(process, reader, writer)
