"""The face of a store for asyncio code: that of `store.py` with the word `await`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Self

from sessionstore._core.altering import WhenOpen
from sessionstore._core.operation import Flow
from sessionstore._core.records import instant
from sessionstore._core.sessions import Opened
from sessionstore._core.store import now
from sessionstore._redis.aio import AsyncDriver
from sessionstore._shell.attributes import SessionInfo, Snapshot
from sessionstore._shell.calls import Mode, Opening, Requests, Undecodable
from sessionstore._shell.connecting import connected_async
from sessionstore._shell.renewing import AsyncKeeper
from sessionstore._shell.twins import Pending, as_in
from sessionstore.atomic import AsyncAtomic
from sessionstore.config import Duration, Parameters
from sessionstore.events import AsyncEvents
from sessionstore.session import AsyncSession
from sessionstore.store import SessionStore

__all__ = ["AsyncSessionStore"]


class AsyncSessionStore:
    """Sessions for asyncio code; safe to share between all tasks of one event loop."""

    def __init__(
        self, driver: AsyncDriver, requests: Requests, keeper: AsyncKeeper, *, view: bool = False
    ) -> None:
        self._driver = driver
        self._requests = requests
        self._keeper = keeper
        self._is_view = view

    @classmethod
    @as_in(SessionStore.connect)
    def connect(
        cls,
        url: str,
        *,
        prefix: str = "ss",
        buckets: int = 256,
        safe: bool = False,
        undecodable: Undecodable = "error",
        create: bool = True,
    ) -> Pending[AsyncSessionStore]:
        async def connecting() -> AsyncSessionStore:
            driver, requests = await connected_async(
                url, prefix, buckets, safe=safe, undecodable=undecodable, create=create
            )
            return cls(driver, requests, AsyncKeeper(driver.beside()))

        return Pending(connecting)

    @as_in(SessionStore.as_user)
    def as_user(
        self, user: str, *, privileged: bool = False, label: str | None = None
    ) -> AsyncSessionStore:
        requests = self._requests.acting(user, privileged, label)
        return AsyncSessionStore(self._driver, requests, self._keeper, view=True)

    @property
    @as_in(SessionStore.label)
    def label(self) -> str:
        return self._requests.label

    @as_in(SessionStore.create)
    def create(
        self,
        id: str | None = None,
        owner: str | None = None,
        timeout: Duration | None = None,
        lifetime: Duration | None = None,
        data: Mapping[str, Any] | None = None,
        open: bool = True,
    ) -> Pending[AsyncSession]:
        request = self._requests.create(id, owner, timeout, lifetime, data, open)
        return Pending(partial(self._created, request))

    @as_in(SessionStore.open)
    def open(
        self,
        id: str,
        owner: str | None = None,
        wait: Duration | None = None,
        mode: Mode = "exclusive",
        lease: Duration | None = None,
        fields: Sequence[str] | None = None,
    ) -> Pending[AsyncSession]:
        request = self._requests.open(id, owner, wait, mode, lease, fields)
        return Pending(partial(self._opened, request))

    @as_in(SessionStore.read)
    async def read(self, id: str, owner: str | None = None) -> Snapshot:
        reading = await self._driver.run(self._requests.read(id, owner))
        return Snapshot(reading, set_aside=self._requests.set_aside)

    @as_in(SessionStore.touch)
    async def touch(self, id: str, owner: str | None = None) -> None:
        await self._driver.run(self._requests.touch(id, owner))

    @as_in(SessionStore.atomic)
    def atomic(
        self,
        id: str,
        owner: str | None = None,
        when_open: WhenOpen = "fail",
        wait: Duration | None = None,
    ) -> AsyncAtomic:
        found = self._requests.find(id, owner)
        return AsyncAtomic(self._requests, self._driver.run, found, when_open, wait)

    @as_in(SessionStore.delete)
    async def delete(self, id: str, owner: str | None = None, wait: Duration = 0) -> bool:
        return await self._driver.run(self._requests.delete(id, owner, wait))

    @as_in(SessionStore.list)
    async def list(
        self, owner: str | None = None, pattern: str = "*"
    ) -> AsyncIterator[SessionInfo]:
        pager = self._requests.listing(owner, pattern)
        while rows := await self._driver.run(pager.page()):
            for row in rows:
                if info := self._requests.chosen(row, owner, pattern):
                    yield info

    @as_in(SessionStore.count)
    async def count(self, owner: str | None = None) -> int:
        return await self._driver.run(self._requests.count(owner))

    @as_in(SessionStore.end_all)
    async def end_all(self, owner: str, keep: str | None = None, reason: str = "signed out") -> int:
        return await self._driver.run(self._requests.end_all(owner, keep, reason))

    @as_in(SessionStore.sweep)
    async def sweep(self, buckets: int | None = None) -> int:
        return await self._driver.run(self._requests.sweep(buckets))

    @as_in(SessionStore.events)
    def events(self, since: str | None = None) -> AsyncEvents:
        return AsyncEvents(self._driver.run, self._requests.keys, self._requests.events(since))

    @property
    @as_in(SessionStore.parameters)
    async def parameters(self) -> Parameters:
        return await self._driver.run(self._requests.parameters())

    @as_in(SessionStore.configure)
    async def configure(self, **changes: Any) -> Parameters:
        return await self._driver.run(self._requests.configure(changes))

    @as_in(SessionStore.now)
    async def now(self) -> datetime:
        return instant(await self._driver.do(now(self._requests.keys)))

    @as_in(SessionStore.close)
    async def close(self) -> None:
        if not self._is_view:
            await self._keeper.close()
            await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _kept(self, session: AsyncSession) -> AsyncSession:
        if session.lease > 0:
            self._keeper.add(session)
        return session

    async def _opened(self, opening: Opening) -> AsyncSession:
        begun = time.monotonic()
        opened = await self._driver.run(opening.flow)
        session = AsyncSession(self._driver.run, self._requests, opened, *opening.how)
        session.has_opened(time.monotonic() - begun)
        return self._kept(session)

    async def _created(self, flow: Flow[Opened]) -> AsyncSession:
        opened = await self._driver.run(flow)
        return self._kept(AsyncSession(self._driver.run, self._requests, opened))
