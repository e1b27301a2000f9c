"""The face of a store for asyncio code: that of `store.py` with the word `await`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Self

from sessionstore._core.altering import WhenOpen
from sessionstore._core.operation import Flow
from sessionstore._core.records import Opened, instant
from sessionstore._core.store import now
from sessionstore._redis.aio import AsyncDriver
from sessionstore._shell.attributes import SessionInfo, Snapshot
from sessionstore._shell.calls import Mode, Opening, Undecodable
from sessionstore._shell.connecting import connected_async
from sessionstore._shell.context import Context
from sessionstore._shell.renewing import AsyncLeaseRenewer
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
        self, context: Context[AsyncDriver], renewer: AsyncLeaseRenewer, *, view: bool = False
    ) -> None:
        self._context = context
        self._driver = context.driver
        self._calls = context.calls
        self._renewer = renewer
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
            context = await connected_async(
                url, prefix, buckets, safe=safe, undecodable=undecodable, create=create
            )
            return cls(context, AsyncLeaseRenewer(context.driver.beside()))

        return Pending(connecting)

    @as_in(SessionStore.as_user)
    def as_user(
        self, user: str, *, privileged: bool = False, label: str | None = None
    ) -> AsyncSessionStore:
        calls = self._calls.acting(user, privileged, label)
        return AsyncSessionStore(Context(self._driver, calls), self._renewer, view=True)

    @property
    @as_in(SessionStore.label)
    def label(self) -> str:
        return self._calls.label

    @as_in(SessionStore.create)
    def create(
        self,
        id: str | None = None,
        owner: str | None = None,
        *,
        timeout: Duration | None = None,
        lifetime: Duration | None = None,
        data: Mapping[str, Any] | None = None,
        open: bool = True,
    ) -> Pending[AsyncSession]:
        request = self._calls.create(
            id, owner, timeout=timeout, lifetime=lifetime, data=data, opened=open
        )
        return Pending(partial(self._created, request))

    @as_in(SessionStore.open)
    def open(
        self,
        id: str,
        owner: str | None = None,
        *,
        wait: Duration | None = None,
        mode: Mode = "exclusive",
        lease: Duration | None = None,
        fields: Sequence[str] | None = None,
    ) -> Pending[AsyncSession]:
        request = self._calls.open(id, owner, wait=wait, mode=mode, lease=lease, fields=fields)
        return Pending(partial(self._opened, request))

    @as_in(SessionStore.read)
    async def read(self, id: str, owner: str | None = None) -> Snapshot:
        reading = await self._driver.run(self._calls.read(id, owner))
        return Snapshot(reading, set_aside=self._calls.set_aside)

    @as_in(SessionStore.touch)
    async def touch(self, id: str, owner: str | None = None) -> None:
        await self._driver.run(self._calls.touch(id, owner))

    @as_in(SessionStore.atomic)
    def atomic(
        self,
        id: str,
        owner: str | None = None,
        *,
        when_open: WhenOpen = "fail",
        wait: Duration | None = None,
    ) -> AsyncAtomic:
        found = self._calls.find(id, owner)
        return AsyncAtomic(self._context, found, when_open, wait)

    @as_in(SessionStore.delete)
    async def delete(self, id: str, owner: str | None = None, *, wait: Duration = 0) -> bool:
        return await self._driver.run(self._calls.delete(id, owner, wait=wait))

    @as_in(SessionStore.list)
    async def list(
        self, owner: str | None = None, *, pattern: str = "*"
    ) -> AsyncIterator[SessionInfo]:
        pager = self._calls.listing(owner, pattern)
        while rows := await self._driver.run(pager.page()):
            for row in rows:
                if info := self._calls.chosen(row, owner, pattern):
                    yield info

    @as_in(SessionStore.count)
    async def count(self, owner: str | None = None) -> int:
        return await self._driver.run(self._calls.count(owner))

    @as_in(SessionStore.end_all)
    async def end_all(
        self, owner: str, *, keep: str | None = None, reason: str = "signed out"
    ) -> int:
        return await self._driver.run(self._calls.end_all(owner, keep=keep, reason=reason))

    @as_in(SessionStore.sweep)
    async def sweep(self, buckets: int | None = None) -> int:
        return await self._driver.run(self._calls.sweep(buckets))

    @as_in(SessionStore.events)
    def events(self, since: str | None = None) -> AsyncEvents:
        return AsyncEvents(self._context, since)

    @as_in(SessionStore.parameters)
    async def parameters(self) -> Parameters:
        return await self._driver.run(self._calls.parameters())

    @as_in(SessionStore.configure)
    async def configure(self, **changes: Any) -> Parameters:
        return await self._driver.run(self._calls.configure(changes))

    @as_in(SessionStore.now)
    async def now(self) -> datetime:
        return instant(await self._driver.do(now(self._calls.keys)))

    @as_in(SessionStore.close)
    async def close(self) -> None:
        if not self._is_view:
            await self._renewer.close()
            await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _renewed(self, session: AsyncSession) -> AsyncSession:
        self._renewer.add(session)
        return session

    async def _opened(self, opening: Opening) -> AsyncSession:
        begun = time.monotonic()
        opened = await self._driver.run(opening.flow)
        seconds = time.monotonic() - begun
        return self._renewed(AsyncSession(self._context, opened, opening.how, seconds=seconds))

    async def _created(self, flow: Flow[Opened]) -> AsyncSession:
        return self._renewed(AsyncSession(self._context, await self._driver.run(flow)))
