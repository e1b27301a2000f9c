"""An answer is lost, and the repeat does not get through: nobody knows what was done."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import (
    ConfigError,
    SessionNotOpen,
    SessionStore,
    SessionStoreError,
    StoreClosed,
    StoreUnavailable,
)
from tests.faults.awaited import SHELLS, connected
from tests.faults.checks import BUCKETS
from tests.support.proxy import Proxy
from tests.support.servers import Standalone
from tests.support.steps import around
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from sessionstore._core.operation import Step

    Call = Callable[[], Awaitable[Any]]

pytestmark = pytest.mark.usefixtures("runner")

NUMBERS = count()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    """A server with a user of its own for these tests."""
    with Standalone(None, tmp_path_factory.mktemp("guarded")) as server:
        yield server


@pytest.fixture(scope="module")
def proxy(guarded: Standalone) -> Iterator[Proxy]:
    with Proxy(guarded.url) as proxy:
        yield proxy


def allow(server: Standalone) -> None:
    """Let the user in, and let it do everything."""
    server.ask("ACL", "SETUSER", "app", "reset", "on", ">one", "allkeys", "allchannels", "+@all")


@asynccontextmanager
async def near(proxy: Proxy, shell: str) -> AsyncIterator[Any]:
    """Connect by the proxy, as the user, to a store of its own; the scripts are known there."""
    url, prefix = proxy.url.replace("//", "//app:one@"), f"n{os.getpid()}-{next(NUMBERS)}"
    proxy.count()
    async with connected(shell, url, prefix, BUCKETS) as store:
        await warm(store)
        yield store


async def warm(store: Any) -> None:
    """Do once what these calls do, so that the server knows the scripts."""
    session = await store.create("warm", data={"n": 0})
    await session.list("l").append(1)
    session["n"] = 1
    await session.save()
    await session.close(owner="ann")
    shared = await store.open("warm", "ann", mode="shared")
    shared["n"] = 2
    await shared.save()
    await (await store.open("warm", "ann")).close()
    await (await store.open("warm", "ann")).delete()


def keep_all_connections(store: Any) -> None:
    """Let nobody have a connection, and not wait long for one."""
    connections = store._driver._exchange._nodes.at("")
    connections._limit = 0
    connections.take = partial(connections.take, 0.05)


def close_under_way(store: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Close a store as another thread or task does while a call is under way."""

    async def close() -> None:
        store._driver._exchange.close()

    asyncio.run_coroutine_threadsafe(close(), loop).result()


TROUBLE: dict[str, Callable[[Standalone, Any, asyncio.AbstractEventLoop], None]] = {
    "no connection": lambda server, store, loop: keep_all_connections(store),
    "another password": lambda server, store, loop: server.ask(
        "ACL", "SETUSER", "app", "resetpass", ">two"
    ),
    "no permission": lambda server, store, loop: server.ask(
        "ACL", "SETUSER", "app", "-eval", "-evalsha"
    ),
    "closed": lambda server, store, loop: close_under_way(store, loop),
}


async def save(store: Any, session: Any) -> Call:
    session["n"] = 1
    return session.save


async def close(store: Any, session: Any) -> Call:
    session["n"] = 1
    return session.close


async def shared_save(store: Any, session: Any) -> Call:
    await session.close()
    shared = await store.open("a", mode="shared")
    shared["n"] = 1
    return shared.save


async def add(store: Any, session: Any) -> Call:
    await session.close()
    return partial(store.atomic("a").set_if, "n", 1, expected=0)


async def append(store: Any, session: Any) -> Call:
    return partial(session.list("l").append, 1)


async def create(store: Any, session: Any) -> Call:
    return partial(store.create, "b")


async def delete(store: Any, session: Any) -> Call:
    return session.delete


async def move(store: Any, session: Any) -> Call:
    session["n"] = 1
    return partial(session.close, owner="ann")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("by", ["its holder", "anybody"])
async def test_a_session_that_has_ended_is_deleted_though_its_seat_cannot_be_given_back(
    guarded: Standalone, proxy: Proxy, shell: str, by: str
) -> None:
    allow(guarded)
    async with near(proxy, shell) as store:
        await store.configure(max_private=1)
        session = await store.create("a", open=by == "its holder")
        proxy.lose(2, times=100)
        delete = session.delete if by == "its holder" else partial(store.delete, "a")
        assert await delete() is True
        assert proxy.lost > 1
        proxy.count()
        await store.create("b")


def test_of_several_calls_in_one_write_some_may_have_arrived_though_it_broke_off(
    server: Standalone, prefix: str
) -> None:
    with SessionStore.connect(server.url, prefix=prefix, buckets=BUCKETS) as store:
        assert store.end_all("*") == 0  # the scripts are known from here on
        for number in range(20):
            store.create(f"s{number}", owner="*", open=False)
        wire = store._driver._exchange._nodes.at("")._idle[-1]
        send = wire.send

        def break_off(data: bytes) -> None:
            send(data[:-1])
            keep_all_connections(store)
            raise OSError

        wire.send = break_off
        with pytest.raises(StoreUnavailable) as caught:
            store.end_all("*")
        assert caught.value.unknown
    with SessionStore.connect(server.url, prefix=prefix, buckets=BUCKETS) as store:
        wait_until(lambda: store.count(owner="*") < 20, "some have ended")


CALLS: dict[str, tuple[Callable[[Any, Any], Awaitable[Call]], int]] = {
    "save": (save, 1), "close": (close, 1), "a shared save": (shared_save, 1), "atomic": (add, 2),
    "a list": (append, 1), "create": (create, 1), "delete": (delete, 1),
    **{f"step {step} of a move": (move, step) for step in range(1, 5)},
}  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("call", CALLS)
async def test_a_call_whose_repeat_does_not_get_through_has_an_unknown_outcome(
    guarded: Standalone, proxy: Proxy, shell: str, trouble: str, call: str
) -> None:
    begin, step = CALLS[call]

    allow(guarded)
    async with near(proxy, shell) as store:
        session = await store.create("a", data={"n": 0})
        calling = await begin(store, session)
        loop = asyncio.get_running_loop()
        proxy.lose(step, then=partial(TROUBLE[trouble], guarded, store, loop))
        with pytest.raises(StoreUnavailable) as caught:
            await calling()
        assert proxy.lost == 1
        assert caught.value.unknown


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("nth", range(1, 6))
async def test_a_move_in_whose_middle_the_store_is_closed_does_not_say_that_nothing_happened(
    guarded: Standalone, proxy: Proxy, shell: str, nth: int
) -> None:
    allow(guarded)
    steps: list[Step] = []

    def close_at_last(step: Step) -> None:
        steps.append(step)
        if len(steps) == nth:
            store._driver._exchange.close()

    async with near(proxy, shell) as store:
        session = await store.create("a", data={"n": 0})
        session["n"] = 1
        told: SessionStoreError | None = None
        with around(store, sent=close_at_last):
            try:
                await session.close(owner="ann")
            except SessionStoreError as error:
                told = error
        if nth > len(steps):
            assert told is None
        elif nth == 1:
            assert isinstance(told, StoreClosed)
        else:
            assert isinstance(told, StoreUnavailable)
            assert told.unknown
            assert not session.is_open


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("trouble", ["another password", "no permission"])
@pytest.mark.parametrize("lost", ["one answer", "all answers"])
async def test_a_close_that_may_have_landed_is_repeated_as_it_was_once_the_trouble_is_over(
    guarded: Standalone, proxy: Proxy, shell: str, trouble: str, lost: str
) -> None:
    allow(guarded)
    async with near(proxy, shell) as store:
        session = await store.create("a", data={"n": 0})
        session["n"] = 1
        cause = partial(TROUBLE[trouble], guarded, store, asyncio.get_running_loop())
        if lost == "one answer":
            proxy.lose(1, then=cause)
        else:
            proxy.lose(1, times=100)
        with pytest.raises(StoreUnavailable):
            await session.close()
        proxy.count()
        cause()
        with pytest.raises(ConfigError):  # this one has done nothing; the first one may have
            await session.close()
        allow(guarded)
        assert not session.is_open
        with pytest.raises(SessionNotOpen):
            session["n"] = 2
        await session.close()
        assert (await store.read("a"))["n"] == 1


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("mode", ["exclusive", "shared"])
async def test_what_may_have_been_saved_is_not_forgotten_by_a_save_that_was_not_let_in(
    guarded: Standalone, proxy: Proxy, shell: str, mode: str
) -> None:
    allow(guarded)
    async with near(proxy, shell) as store:
        await store.create("a", data={"n": 0}, open=False)
        session = await store.open("a", mode=mode)
        session["n"] = 1
        proxy.lose(1, times=100)
        with pytest.raises(StoreUnavailable):
            await session.save()
        proxy.count()
        guarded.ask("ACL", "SETUSER", "app", "resetpass", ">two")
        guarded.ask("CLIENT", "KILL", "USER", "app")
        with pytest.raises(ConfigError):
            await session.save()
        allow(guarded)
        session["n"] = 0
        await session.close()
        assert (await store.read("a"))["n"] == 0
