"""The synchronous shells made awaitable, so that each behaviour is told once for both.

They are derived: what the asyncio twin of a method awaits, returns or iterates over decides what
the method becomes here. A call runs in a thread of its own, as in an app server, so one that waits
holds up nobody else.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sessionstore import (
    AsyncAtomic,
    AsyncEvents,
    AsyncLongstring,
    AsyncSession,
    AsyncSessionList,
    AsyncSessionStore,
    Atomic,
    Events,
    Longstring,
    Session,
    SessionList,
    SessionStore,
)
from sessionstore.jobs import AsyncJobHandle, AsyncJobs, AsyncSink, JobHandle, Jobs, Sink

__all__ = ["PAIRS", "SAME", "AwaitableJobs", "AwaitableStore"]

PAIRS: list[tuple[type, type]] = [
    (SessionStore, AsyncSessionStore),
    (Session, AsyncSession),
    (SessionList, AsyncSessionList),
    (Atomic, AsyncAtomic),
    (Longstring, AsyncLongstring),
    (Events, AsyncEvents),
    (Jobs, AsyncJobs),
    (JobHandle, AsyncJobHandle),
    (Sink, AsyncSink),
]
"""Each public class and its twin."""

SAME = {"__aenter__": "__enter__", "__aexit__": "__exit__", "__anext__": "__next__"}
"""Methods that have another name in the twin."""

THREADS = ThreadPoolExecutor(max_workers=64, thread_name_prefix="app-server")
END = object()

AWAITABLE: dict[type, type] = {}
"""The derived class of each synchronous one."""


def become(result: Any) -> Any:
    """Make something of a synchronous class one of the awaitable class, or each of a list."""
    if isinstance(result, list):
        return [become(one) for one in result]
    if type(result) in AWAITABLE:
        result.__class__ = AWAITABLE[type(result)]
    return result


async def run(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    work = functools.partial(method, *args, **kwargs)
    return become(await asyncio.get_running_loop().run_in_executor(THREADS, work))


async def each(iterator: Iterator[Any]) -> AsyncIterator[Any]:
    while (item := await run(next, iterator, END)) is not END:
        yield item


class Pending:
    """What `open` gives: to await, or to enter, as in asyncio."""

    def __init__(self, *call: Any, **kwargs: Any) -> None:
        self._begin = functools.partial(run, *call, **kwargs)
        self._entered: Any = None

    def __await__(self) -> Any:
        return self._begin().__await__()

    async def __aenter__(self) -> Any:
        self._entered = await self._begin()
        return await self._entered.__aenter__()

    async def __aexit__(self, *failure: object) -> None:
        await self._entered.__aexit__(*failure)


def in_thread(method: Callable[..., Any], called: Callable[..., Any] = run) -> Callable[..., Any]:
    """Return a method as one to await; a shell that calls it on itself is in its thread already."""

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return method(*args, **kwargs)
        return called(method, *args, **kwargs)

    return call


async def following(events: Any) -> Any:
    if (event := await run(next, events, END)) is END:
        raise StopAsyncIteration
    return event


def like(twin: Any, plain: Any) -> Any:
    """Return a member of a synchronous class, to be used as its twin is."""
    if isinstance(twin, property):
        return property(like(twin.fget, plain.fget))
    if inspect.iscoroutinefunction(twin):
        return in_thread(plain)
    if inspect.isasyncgenfunction(twin):
        return lambda *args, **kwargs: each(plain(*args, **kwargs))
    if str(inspect.signature(twin).return_annotation).startswith("Pending"):
        return in_thread(plain, Pending)
    return lambda *args, **kwargs: become(plain(*args, **kwargs))


def derive(plain: type, twin: type) -> type:
    members: dict[str, Any] = {}
    for name, member in vars(twin).items():
        if name == "__anext__":  # StopIteration does not come out of a coroutine
            members |= {"__aiter__": lambda self: self, name: following}
        elif name != "connect" and (name in SAME or not name.startswith("_")):
            members[name] = like(member, inspect.getattr_static(plain, SAME.get(name, name)))
    return type(f"Awaitable{plain.__name__}", (plain,), members)


AWAITABLE.update({plain: derive(plain, twin) for plain, twin in PAIRS})

AwaitableStore: Any = AWAITABLE[SessionStore]
"""A `SessionStore` whose calls are awaited; to connect takes no `await`."""

AwaitableJobs: Any = AWAITABLE[Jobs]
"""`Jobs` whose calls are awaited."""
