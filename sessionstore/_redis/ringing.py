"""Hearing what rings on sharded channels: a ring may be lost, and that it may be is always told.

There is one connection to each server that has channels which somebody listens to. It is not one
of redis-py's kind, which connect again by themselves and hide what was missed meanwhile. Every
subscription is confirmed by the server, and each time that it is, also after the connection was
lost, whoever listens is told so: from then on all is heard, and what rang before may be missed.
A connection on which nothing is heard for a while is pinged; one that does not answer is dropped,
for the other end may be gone without a word.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from redis import exceptions

from sessionstore._redis.commands import packed
from sessionstore._redis.connect import ANSWER_WITHIN, Deployment
from sessionstore._redis.errors import FOREIGN
from sessionstore._redis.insides import connect_line
from sessionstore._redis.nodes import Nodes
from sessionstore.errors import StoreClosed

__all__ = ["Heard", "Listening", "Ringing"]

QUIET = 5.0
"""Seconds without a word after which a connection is asked whether it is still one."""

IDLE = 10.0
"""Seconds after which a connection on which nobody listens any more is closed."""

DOUBTS = 3
"""How often something has to be found that did not ring until the connection is made anew."""

SOONEST, LATEST = 0.05, 0.25
"""Seconds between two tries to connect: what is read may be kept for less than a second."""

Heard = Callable[[bytes | None], object]
"""Is told what rings. None: from now on all of it, but what rang before may have been missed."""


class Listening:
    """One listener of a channel, until it is closed."""

    def __init__(self, ringing: Ringing, channel: str, heard: Heard) -> None:
        self._ringing = ringing
        self._doubts = 0
        self.channel = channel
        self._heard = heard

    def tell(self, message: bytes | None) -> None:
        """Pass a message on."""
        self._doubts = 0
        self._heard(message)

    @property
    def is_over(self) -> bool:
        """Whether nothing will ring any more, for the store was closed."""
        return self._ringing.is_closed

    def doubt(self) -> None:
        """Note that something was found which did not ring; several times, and it is not chance."""
        self._doubts += 1
        if self._doubts >= DOUBTS:
            self._doubts = 0
            self._ringing.renew(self.channel)

    def close(self) -> None:
        """Hear nothing any more; the subscription ends with its last listener."""
        self._ringing.leave(self)


class Ringing:
    """Listens to channels of a deployment, in one event loop."""

    def __init__(self, deployment: Deployment, revive: Callable[[], object] | None = None) -> None:
        self._deployment = deployment
        self._revive = revive
        self._nodes = Nodes(deployment, lambda connect, _: connect, connect_line)
        self._listening: dict[str, list[Listening]] = {}
        self._lines: dict[str, Line] = {}
        self._line_of: dict[str, Line] = {}
        self.is_closed = False
        """Whether nobody can listen any more."""

    @property
    def channels(self) -> int:
        """How many channels somebody listens to."""
        return len(self._listening)

    def listen(self, channel: str, heard: Heard) -> Listening:
        """Listen to a channel; `heard` is told None as soon as that is sure, and may not wait."""
        if self.is_closed:
            raise StoreClosed
        listening = Listening(self, channel, heard)
        others = self._listening.setdefault(channel, [])
        others.append(listening)
        if len(others) == 1:
            self.join(channel)
        elif self._line_of[channel].hears(channel):
            asyncio.get_running_loop().call_soon(listening.tell, None)
        return listening

    def listen_to_all(self, channels: Iterable[str], heard: Heard) -> list[Listening]:
        """Listen to many channels, such as those on which jobs ring that are to stop."""
        return [self.listen(channel, heard) for channel in channels]

    def leave(self, listening: Listening) -> None:
        """Listen no more for one that does not want to."""
        others = self._listening.get(listening.channel, [])
        if listening in others:
            others.remove(listening)
            if not others:
                del self._listening[listening.channel]
                self._line_of.pop(listening.channel).remove(listening.channel)

    def join(self, channel: str) -> None:
        """Have a channel heard on the line to the server that has it, as far as is known."""
        place = self._nodes.place(channel)
        line = self._lines.get(place)
        if line is None:
            line = self._lines[place] = Line(self, place)
        self._line_of[channel] = line
        line.add(channel)

    def renew(self, channel: str) -> None:
        """Make the connection anew on which a channel should be heard."""
        if channel in self._line_of:
            self._line_of[channel].drop()

    def tell(self, channel: str, message: bytes | None) -> None:
        """Pass on what is heard on a channel."""
        for listening in self._listening.get(channel, ())[:]:
            try:
                listening.tell(message)
            except Exception as error:  # noqa: BLE001 - the others are told all the same
                told = {"message": "a listener failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(told)

    async def connect(self, place: str) -> Any:
        """Return a new connection to the server at a place."""
        return await self._nodes.at(place)()

    async def recover(self, line: Line) -> None:
        """Find out which servers there are by now, and let each channel join its own."""
        if self._revive is not None:
            with suppress(Exception):
                await asyncio.to_thread(self._revive)
        if self._deployment.clustered:
            with suppress(*FOREIGN):
                nodes = self._deployment.client.nodes_manager
                await nodes.initialize(last_failed_node_name=line.place)
        for channel in [one for one in line.channels if self._nodes.place(one) != line.place]:
            line.channels.discard(channel)
            self.join(channel)

    def forget(self, line: Line) -> None:
        """Take a line out on which nobody listens any more."""
        if self._lines.get(line.place) is line:
            del self._lines[line.place]

    async def close(self) -> None:
        """Close all connections."""
        self.is_closed = True
        for channel in list(self._listening):
            self.tell(channel, None)  # whoever is told asks what there is, and learns of the end
        self._listening.clear()
        self._line_of.clear()
        for line in list(self._lines.values()):
            await line.close()


class Line:
    """The connection to one server, as long as somebody listens to one of its channels."""

    def __init__(self, ringing: Ringing, place: str) -> None:
        self._ringing = ringing
        self.place = place
        self.channels: set[str] = set()
        self._sure: set[str] = set()
        self._leaving: Counter[str] = Counter()
        self._wire: Any = None
        self._lost: asyncio.Future[None] | None = None
        self._heard_at = 0.0
        self._loop = asyncio.get_running_loop()
        self._work = self._loop.create_task(self._working(), name="sessionstore-ringing")

    def hears(self, channel: str) -> bool:
        """Whether all that rings on a channel is heard."""
        return channel in self._sure

    def add(self, channel: str) -> None:
        """Hear a channel, too."""
        self.channels.add(channel)
        self._send(("SSUBSCRIBE", channel))

    def remove(self, channel: str) -> None:
        """Hear a channel no more."""
        self.channels.discard(channel)
        self._sure.discard(channel)
        if self._wire is not None:
            self._leaving[channel] += 1
            self._send(("SUNSUBSCRIBE", channel))

    def drop(self) -> None:
        """Have the connection made anew."""
        self._fail(exceptions.ConnectionError("something did not ring that should have"))

    async def close(self) -> None:
        """Close the connection."""
        while not self._work.done():
            self._work.cancel()  # which redis-py, while it connects, now and then loses
            await asyncio.wait([self._work], timeout=0.05)

    async def _working(self) -> None:
        delay = SOONEST
        while self.channels:
            began = self._loop.time()
            try:
                await self._hearing()
            except FOREIGN:
                await self._ringing.recover(self)
            except StoreClosed:
                break
            if not self.channels:
                break
            # A server that is back is there at once; one that is gone is not asked all the time.
            delay = SOONEST if self._loop.time() - began > LATEST else min(LATEST, delay * 2)
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 - no secret
        self._ringing.forget(self)

    async def _hearing(self) -> None:
        """Connect and listen until the connection is lost, or nobody listens for a while."""
        self._lost = lost = self._loop.create_future()
        wire = await self._ringing.connect(self.place)
        try:
            self._wire = wire
            self._heard_at = self._loop.time()
            wire.begin(self._take, self._fail)
            for channel in self.channels:
                self._send(("SSUBSCRIBE", channel))
            await self._watching(lost)
        finally:
            self._wire = None
            self._sure.clear()
            self._leaving.clear()
            wire.disconnect()

    async def _watching(self, lost: asyncio.Future[None]) -> None:
        while True:
            asked = self._loop.time()
            quiet = asked - self._heard_at >= QUIET
            if quiet:
                self._send(("PING",))
            await asyncio.wait([lost], timeout=ANSWER_WITHIN if quiet else QUIET)
            if lost.done():
                lost.result()
            if quiet and self._heard_at < asked:
                raise exceptions.TimeoutError(f"not a word within {ANSWER_WITHIN:g} s")
            if not self.channels and self._loop.time() - self._heard_at >= IDLE:
                return

    def _send(self, command: tuple[str, ...]) -> None:
        if self._wire is not None:
            self._wire.send(packed([command]))

    def _fail(self, error: BaseException) -> None:
        if self._lost is not None and not self._lost.done():
            self._lost.set_exception(error)
            self._lost.exception()  # it is looked at, but perhaps not by anybody

    def _take(self, reply: Any) -> None:
        self._heard_at = self._loop.time()
        if isinstance(reply, Exception):
            self._fail(reply)  # such as MOVED
        if not isinstance(reply, list):
            return  # it has answered a ping
        kind, name, *more = reply
        channel = name.decode() if isinstance(name, bytes) else ""
        if kind == b"smessage":
            self._ringing.tell(channel, more[0])
        elif kind == b"ssubscribe" and channel in self.channels:
            self._sure.add(channel)
            self._ringing.tell(channel, None)
        elif kind == b"sunsubscribe":
            if self._leaving[channel]:
                self._leaving[channel] -= 1
            elif channel in self.channels:
                self._fail(exceptions.ConnectionError("the slot of a channel has moved"))
