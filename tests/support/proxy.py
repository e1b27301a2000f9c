"""A TCP proxy in front of a deployment that loses what it is told to lose.

It counts script calls, which is all that the library sends but for the greetings, and applies the
planned loss to one of them: the server has carried out the call, and its caller does not learn so.

Where servers tell their clients of other servers, as sentinels and the nodes of a cluster do, the
ports in what they say become those of the proxy. So nobody who came by it leaves it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

import hiredis

from tests.support.servers import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

__all__ = ["HOW", "How", "Proxy"]

How = Literal["cut", "delay", "half"]
"""After the server has answered, and in place of its answer: cut the connection; say nothing and
keep it open; end the stream towards the client, and go on reading from it."""

HOW: tuple[How, ...] = ("cut", "delay", "half")
SCRIPT_CALLS = {b"EVALSHA", b"EVAL"}
MORE = object()


class Plan:
    """Which script calls lose their replies: from the `first` on, `times` of them in a row."""

    def __init__(self, first: int, times: int, how: How, then: Callable[[], object] | None) -> None:
        self.first = first
        self.times = times
        self.how = how
        self.then = then
        self.lost = 0

    def hits(self, number: int) -> bool:
        return self.first <= number and self.lost < self.times


class Proxy:
    """Forwards loopback ports to others; in a thread of its own until the block is left.

    Args:
        url: of the deployment; all servers that it names are reached by the proxy.
        ports: of its other servers.
    """

    def __init__(self, url: str, *ports: int) -> None:
        self._behind = url
        self._ports = dict.fromkeys([*map(int, re.findall(r":(\d+)", url)), *ports], 0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._lock = threading.Lock()
        self._plan = Plan(1, 0, "cut", None)
        self._links: set[asyncio.Task[None]] = set()
        self._calls = 0
        self._servers: list[asyncio.Server] = []

    @property
    def url(self) -> str:
        """The deployment, by the proxy."""
        return re.sub(r":(\d+)", lambda port: f":{self._ports[int(port[1])]}", self._behind)

    @property
    def calls(self) -> int:
        """How many script calls came by since the last plan."""
        return self._calls

    @property
    def lost(self) -> int:
        """How many replies were lost since the last plan."""
        return self._plan.lost

    def lose(
        self,
        first: int,
        *,
        times: int = 1,
        how: How = "cut",
        then: Callable[[], object] | None = None,
    ) -> None:
        """Lose the reply of a script call, counted from now; `then` is called as it is lost."""
        with self._lock:
            self._plan = Plan(first, times, how, then)
            self._calls = 0

    def count(self) -> None:
        """Lose nothing, and count from now."""
        self.lose(1, times=0)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        for port in self._ports:
            server = await asyncio.start_server(partial(self._accept, port), HOST, 0)
            self._servers.append(server)
            self._ports[port] = server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for link in self._links:
            link.cancel()
        if self._links:
            await asyncio.wait(self._links)

    def _accept(
        self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.get_running_loop().create_task(self._link(port, reader, writer))
        self._links.add(task)
        task.add_done_callback(self._links.discard)

    async def _link(
        self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            there, back = await asyncio.open_connection(HOST, port)
            doomed: list[int] = []  # which commands of this link lose their replies
            try:
                ways = {
                    asyncio.ensure_future(self._requests(reader, back, doomed)),
                    asyncio.ensure_future(self._replies(there, writer, doomed)),
                }
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.wait(ways)
            finally:
                back.close()
                writer.close()

    async def _requests(
        self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, doomed: list[int]
    ) -> None:
        commands = hiredis.Reader(notEnoughData=MORE)
        seen = 0
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                commands.feed(data)
                while (command := commands.gets()) is not MORE:
                    seen += 1
                    if command[0].upper() in SCRIPT_CALLS and self._loses():
                        doomed.append(seen)
                back.write(data)
                await back.drain()

    def _loses(self) -> bool:
        with self._lock:
            self._calls += 1
            hit = self._plan.hits(self._calls)
            self._plan.lost += hit
            return hit

    async def _replies(
        self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: list[int]
    ) -> None:
        replies = hiredis.Reader(notEnoughData=MORE)
        seen = 0
        with contextlib.suppress(OSError):
            while data := await there.read(1 << 16):
                replies.feed(data)
                while replies.gets() is not MORE:
                    seen += 1
                if doomed:
                    if seen >= doomed[0]:
                        await self._lose(writer)
                        return
                else:
                    writer.write(self._redirected(data))
                    await writer.drain()

    def _redirected(self, data: bytes) -> bytes:
        for port, nearer in self._ports.items():  # five digits each, so that no length changes
            data = data.replace(b"%d\r\n" % port, b"%d\r\n" % nearer)
        return data

    async def _lose(self, writer: asyncio.StreamWriter) -> None:
        plan = self._plan
        if plan.then is not None:
            await asyncio.to_thread(plan.then)
        if plan.how == "half":
            writer.write_eof()
        if plan.how != "cut":
            await asyncio.Event().wait()  # until the client gives up
