"""The side process: renews the leases of the jobs that it is told of, and says what it was told.

Over its socket it is told, in msgpack: first what to connect to, then lists of news: `[job, token]`
runs from now on, `[job]` does not, `[]` is a sign of life. It says `[]` when it is ready, and
what the beats say, as `[job, token, answer, when it was sent]`.

If the worker has a lifeline, that is the standard input here. When its other end is closed, the
worker is told so, and killed if it has not ended after a while: a job may hold it up.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any

import msgpack

from sessionstore._core.jobs import jobs
from sessionstore._core.jobs.keys import JobKey, find_job
from sessionstore._core.keys import Bucket, Keyspace
from sessionstore._core.operation import each
from sessionstore._redis.aio import AsyncDriver
from sessionstore._shell.connecting import connected_async
from sessionstore.errors import SessionStoreError
from sessionstore.worker._beating import ORPHANED

__all__: list[str] = []

log = logging.getLogger("sessionstore.worker")

TOGETHER = 0.02
"""So long are news gathered: nothing that they tell is due so soon."""

ENDS_WITHIN = 10.0
"""Seconds in which a worker ends that is orphaned: it gives back what runs before that."""

RETRY = 0.2
STDIN = 0
MOST = 100
"""Leases that one call renews."""


class Beats:
    """Renews leases, over connections of its own."""

    def __init__(self, config: dict[str, Any], connection: socket.socket) -> None:
        self.config = config
        self.lease_ms = int(config["lease_ms"])
        self.every = float(config["beat"])
        self.patience = float(config["patience"])
        self.heard = time.monotonic()
        self.running: dict[str, str] = {}
        self._connection = connection
        self._saying = asyncio.Lock()
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def take_in(self, news: list[list[str]]) -> None:
        """Take in which jobs run."""
        self.heard = time.monotonic()
        for one in news:
            if len(one) == 2:
                self.running[one[0]] = one[1]
            elif one:
                self.running.pop(one[0], None)

    def say_orphaned(self) -> None:
        """Tell the worker that its lifeline has ended."""
        self._keep(self._send(msgpack.packb(ORPHANED)))

    async def run(self) -> None:
        """Renew for ever."""
        driver, keys = await self._connect()
        await self._send(msgpack.packb([]))
        while True:
            due = time.monotonic() + self.every
            self._renew_all(driver, keys, due)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _renew_all(self, driver: AsyncDriver, keys: Keyspace, due: float) -> None:
        if time.monotonic() - self.heard > self.patience:
            return  # it hangs: whatever it had is for others
        by_place: dict[str, dict[Bucket, list[tuple[JobKey, str]]]] = {}
        for id, token in self.running.items():
            job = find_job(keys, id)
            place = by_place.setdefault(driver.place(job.job), defaultdict(list))
            place[job.bucket].append((job, token))
        for place_name, buckets in by_place.items():
            if place_name not in self._busy:
                self._busy.add(place_name)
                self._keep(self._renew(driver, place_name, buckets, due))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> tuple[AsyncDriver, Keyspace]:
        to = self.config
        while True:
            try:
                context = await connected_async(
                    to["url"],
                    to["prefix"],
                    to["buckets"],
                    safe=False,
                    undecodable="error",
                    create=False,
                )
            except SessionStoreError as error:
                log.warning("leases cannot be renewed: %s", error)
                await asyncio.sleep(RETRY)
            else:
                return context.driver, context.keys

    async def _renew(
        self,
        driver: AsyncDriver,
        place: str,
        buckets: dict[Bucket, list[tuple[JobKey, str]]],
        until: float,
    ) -> None:
        """Renew what one server has; what has no answer is tried again until the next round."""
        parts = [
            (bucket, running[at : at + MOST])
            for bucket, running in buckets.items()
            for at in range(0, len(running), MOST)
        ]
        try:
            while parts:
                sent = time.monotonic()
                beats = [jobs.beat(bucket, self.lease_ms, part) for bucket, part in parts]
                answers = await driver.run(each(beats))
                failed = []
                for (bucket, part), answer in zip(parts, answers, strict=True):
                    if isinstance(answer, SessionStoreError):
                        failed.append((bucket, part))
                    else:
                        await self._say(part, answer, sent)
                parts = failed
                if parts and time.monotonic() + RETRY > until:
                    return
                if parts:
                    await asyncio.sleep(RETRY)
        finally:
            self._busy.discard(place)

    async def _say(self, part: list[tuple[JobKey, str]], answers: list[str], sent: float) -> None:
        said = [
            msgpack.packb([job.id, token, answer, sent])
            for (job, token), answer in zip(part, answers, strict=True)
        ]
        await self._send(b"".join(said))

    async def _send(self, data: bytes) -> None:
        async with self._saying:
            await asyncio.get_running_loop().sock_sendall(self._connection, data)


class Lifeline:
    """What the standard input is connected with, as long as that is there."""

    def __init__(self, beats: Beats) -> None:
        self._beats = beats
        self._loop = asyncio.get_running_loop()
        self._worker = os.getppid()
        self._loop.add_reader(STDIN, self._look)

    def _look(self) -> None:
        if not os.read(STDIN, 1024):
            self._loop.remove_reader(STDIN)
            self._loop.call_later(ENDS_WITHIN, self._kill)
            self._beats.say_orphaned()

    def _kill(self) -> None:
        if os.getppid() == self._worker:  # else it has ended, and the number may be another's
            os.kill(self._worker, signal.SIGKILL)


async def _work(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    unpacker = msgpack.Unpacker()
    beats: Beats | None = None
    working: asyncio.Task[None] | None = None
    while data := await loop.sock_recv(connection, 1 << 20):
        unpacker.feed(data)
        for news in unpacker:
            if beats is None:
                beats = Beats(news, connection)
                working = asyncio.ensure_future(beats.run())
                if news["lifeline"]:
                    Lifeline(beats)
            else:
                beats.take_in(news)
        if working is not None and working.done():
            working.result()
        await asyncio.sleep(TOGETHER)  # nothing wakes this process meanwhile


def main() -> None:
    """Work until the other end of the socket is closed."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # this goes to everybody; the worker decides
    connection = socket.socket(fileno=int(sys.argv[1]))
    connection.setblocking(False)
    try:
        asyncio.run(_work(connection))
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
