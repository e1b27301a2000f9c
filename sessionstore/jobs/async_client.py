"""The jobs of a store, for asyncio: as in `client.py`, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from typing import Any

from sessionstore._shell.opened import OpenSession
from sessionstore._shell.twins import as_in
from sessionstore.async_store import AsyncSessionStore
from sessionstore.config import Duration
from sessionstore.jobs._answers import answer_of
from sessionstore.jobs._calls import JobCalls
from sessionstore.jobs._contexts import JobContext
from sessionstore.jobs._delivering import Handler, Wanted
from sessionstore.jobs._files import File, loaded
from sessionstore.jobs._infos import JobInfo, QueueInfo
from sessionstore.jobs._orders import each_of, together
from sessionstore.jobs.client import Jobs
from sessionstore.jobs.handles import AsyncJobHandle
from sessionstore.jobs.sinks import AsyncSink

__all__ = ["AsyncJobs"]


class AsyncJobs:
    """Jobs that workers do for sessions; it is made from a store, or from a view of one.

    What a view may not know of is not found: the jobs of a session are for who may open it. All
    methods raise StoreUnavailable and ConfigError.
    """

    def __init__(self, store: AsyncSessionStore) -> None:
        context = store._context  # noqa: SLF001 - what every wing is built from
        self._context = JobContext(context.driver, JobCalls(context.calls))
        self._calls = self._context.calls
        self._run = context.driver.run

    @as_in(Jobs.submit)
    async def submit(
        self,
        session: OpenSession | str,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        owner: str | None = None,
        queue: str | None = None,
        delay: Duration | None = None,
        priority: Duration | None = None,
        key: str | None = None,
        max_wait: Duration | None = None,
        keep: Duration | None = None,
        files: Mapping[str, File] | None = None,
        **more: Any,
    ) -> AsyncJobHandle:
        flow = self._calls.submit(
            session, name, [together(parameters, more)], owner=owner, into=queue,
            delay=delay, priority=priority, key=key, max_wait=max_wait, keep=keep,
            files=await asyncio.to_thread(loaded, files) if files else loaded(files),
        )  # fmt: skip
        return AsyncJobHandle(self._context, (await self._run(flow)).jobs[0])

    @as_in(Jobs.submit_many)
    async def submit_many(
        self,
        session: OpenSession | str,
        name: str,
        parameters: Iterable[Mapping[str, Any]],
        *,
        owner: str | None = None,
        queue: str | None = None,
        delay: Duration | None = None,
        priority: Duration | None = None,
        max_wait: Duration | None = None,
        keep: Duration | None = None,
    ) -> list[AsyncJobHandle]:
        flow = self._calls.submit(
            session, name, each_of(parameters), owner=owner, into=queue,
            delay=delay, priority=priority, max_wait=max_wait, keep=keep,
        )  # fmt: skip
        return [AsyncJobHandle(self._context, id) for id in (await self._run(flow)).jobs]

    @as_in(Jobs.execute)
    async def execute(
        self,
        session: OpenSession | str,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        timeout: Duration | None = None,
        owner: str | None = None,
        queue: str | None = None,
        priority: Duration | None = None,
        **more: Any,
    ) -> Any:
        given = [together(parameters, more)]
        flow = self._calls.submit(session, name, given, owner=owner, into=queue, priority=priority)
        return await self._run(self._calls.execute(flow, timeout))

    @as_in(Jobs.find)
    async def find(self, id: str) -> AsyncJobHandle:
        await self._run(self._calls.look(id))
        return AsyncJobHandle(self._context, id)

    @as_in(Jobs.list)
    async def list(
        self,
        session: OpenSession | str | None = None,
        *,
        owner: str | None = None,
        queue: str | None = None,
        state: str | None = None,
    ) -> AsyncIterator[JobInfo]:
        listing = self._calls.listing(session, owner, queue, state)
        while (page := await self._run(listing.page())) is not None:
            for info in page:
                yield info

    @as_in(Jobs.retry)
    async def retry(self, id: str) -> None:
        await self._run(self._calls.retry(id))

    @as_in(Jobs.adopt)
    async def adopt(self, id: str, session: OpenSession | str, owner: str | None = None) -> None:
        await self._run(self._calls.adopt(id, session, owner))

    @as_in(Jobs.answer)
    async def answer(self, id: str, question: str, body: Any) -> bool:
        return await self._run(self._calls.answer(id, question, answer_of(body)))

    @as_in(Jobs.sink)
    async def sink(
        self,
        session: OpenSession | str,
        handler: Handler,
        *,
        types: Collection[str] | None = None,
        user_data: Any = None,
        after: str | None = None,
        owner: str | None = None,
    ) -> AsyncSink:
        sink = AsyncSink(self._context, Wanted(handler, types, user_data, after))
        await sink._begin(self._calls.session(session, owner))  # noqa: SLF001 - as above
        return sink

    @as_in(Jobs.configure_queue)
    async def configure_queue(self, name: str, **changes: Any) -> QueueInfo:
        return await self._run(self._calls.queue(name, changes))
