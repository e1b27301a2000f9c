"""The synchronous shells made awaitable, so that each behaviour is told once for both.

A call runs in a thread of its own, as in an app server, so one that waits holds up nobody else.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from sessionstore import Atomic, Events, Longstring, Session, SessionList, SessionStore

__all__ = ["AwaitableStore"]

THREADS = ThreadPoolExecutor(max_workers=64, thread_name_prefix="app-server")


def in_thread(method: Callable[..., Any], become: type | None = None) -> Callable[..., Any]:
    """Return a method as a coroutine function; its result becomes one of the awaitable class."""

    async def call(*args: Any, **kwargs: Any) -> Any:
        work = functools.partial(method, *args, **kwargs)
        result = await asyncio.get_running_loop().run_in_executor(THREADS, work)
        if become is not None:
            result.__class__ = become
        return result

    return call


async def each(iterator: Iterator[Any]) -> AsyncIterator[Any]:
    end = object()
    while (item := await in_thread(next)(iterator, end)) is not end:
        yield item


class AwaitableSession(Session):
    """A `Session` whose calls are awaited."""

    save = in_thread(Session.save)
    renew = in_thread(Session.renew)
    close = in_thread(Session.close)
    discard = in_thread(Session.discard)
    delete = in_thread(Session.delete)
    __aenter__ = in_thread(Session.__enter__)
    __aexit__ = in_thread(Session.__exit__)

    def list(self, name: str) -> Any:
        found = super().list(name)
        found.__class__ = AwaitableList
        return found

    document = in_thread(Session.document)

    def longstring(self, name: str) -> Any:
        found = super().longstring(name)
        found.__class__ = AwaitableLongstring
        return found


class AwaitableList(SessionList):
    """A `SessionList` whose calls are awaited."""

    append = in_thread(SessionList.append)
    page = in_thread(SessionList.page)
    get = in_thread(SessionList.get)
    set = in_thread(SessionList.set)
    insert = in_thread(SessionList.insert)
    remove = in_thread(SessionList.remove)
    replace = in_thread(SessionList.replace)
    sort = in_thread(SessionList.sort)
    count = in_thread(SessionList.count)
    drop = in_thread(SessionList.drop)

    def items(self) -> Any:
        return each(super().items())


class AwaitableLongstring(Longstring):
    """A `Longstring` whose calls are awaited."""

    read = in_thread(Longstring.read)
    write = in_thread(Longstring.write)
    append = in_thread(Longstring.append)
    replace = in_thread(Longstring.replace)
    size = in_thread(Longstring.size)
    drop = in_thread(Longstring.drop)


class AwaitableAtomic(Atomic):
    """An `Atomic` whose calls are awaited."""

    add = in_thread(Atomic.add)
    append = in_thread(Atomic.append)
    set_if = in_thread(Atomic.set_if)
    take = in_thread(Atomic.take)


class AwaitableEvents(Events):
    """The events of a store, for `async for`."""

    def __aiter__(self) -> AsyncIterator[Any]:
        return each(self)


class Opening:
    """What `open` gives: to await, or to enter, as in asyncio."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened
        self._session: Any = None

    def __await__(self) -> Any:
        return self._opened().__await__()

    async def __aenter__(self) -> Any:
        self._session = await self._opened()
        return await self._session.__aenter__()

    async def __aexit__(self, *failure: object) -> None:
        await self._session.__aexit__(*failure)


class AwaitableStore(SessionStore):
    """A `SessionStore` whose calls are awaited."""

    read = in_thread(SessionStore.read)
    touch = in_thread(SessionStore.touch)
    delete = in_thread(SessionStore.delete)
    count = in_thread(SessionStore.count)
    end_all = in_thread(SessionStore.end_all)
    sweep = in_thread(SessionStore.sweep)
    configure = in_thread(SessionStore.configure)
    parameters = in_thread(SessionStore.parameters)
    close = in_thread(SessionStore.close)
    create = in_thread(SessionStore.create, become=AwaitableSession)

    def open(self, *args: Any, **kwargs: Any) -> Any:
        opened = in_thread(SessionStore.open, become=AwaitableSession)
        return Opening(functools.partial(opened, self, *args, **kwargs))

    now = in_thread(SessionStore.now)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    def atomic(self, *args: Any, **kwargs: Any) -> Any:
        found = super().atomic(*args, **kwargs)
        found.__class__ = AwaitableAtomic
        return found

    def as_user(self, *args: Any, **kwargs: Any) -> Any:
        view = super().as_user(*args, **kwargs)
        view.__class__ = AwaitableStore
        return view

    def list(self, *args: Any, **kwargs: Any) -> Any:
        return each(super().list(*args, **kwargs))

    def events(self, *args: Any, **kwargs: Any) -> Any:
        events = super().events(*args, **kwargs)
        events.__class__ = AwaitableEvents
        return events
