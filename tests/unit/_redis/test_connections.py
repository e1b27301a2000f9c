"""Connections go to whoever asked first, and none is lost, whatever happens to who waits."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import weakref
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from sessionstore._redis.connections import AsyncConnections, Connections
from sessionstore.errors import StoreClosed, StoreUnavailable
from tests.support.wait import until, wait_until

NUMBERS = count()


class Wire:
    """Stands for a connection, of either kind."""

    def __init__(self) -> None:
        self.number = next(NUMBERS)
        self.open = True

    def disconnect(self) -> None:
        self.open = False


def connect() -> Any:
    return Wire()


async def connect_async() -> Any:
    await asyncio.sleep(0)
    return Wire()


def refuse() -> Any:
    raise ConnectionError


async def refuse_async() -> Any:
    await asyncio.sleep(0)
    raise ConnectionError


class Caller(threading.Thread):
    """A thread that takes a connection, and gives it back when it is told to."""

    def __init__(self, connections: Connections, told: list[int], within: float = 10) -> None:
        super().__init__(daemon=True)
        self.got: Any = None
        self.failure: BaseException | None = None
        self._connections = connections
        self._told = told
        self._within = within
        before = len(connections._line)
        self.start()
        wait_until(
            lambda: len(connections._line) > before or self.got or self.failure, "it has asked"
        )

    def run(self) -> None:
        try:
            self.got = self._connections.take(self._within)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.failure = error
        else:
            self._told.append(self.native_id or 0)
            self._connections.give(self.got)


def test_the_last_used_is_used_again() -> None:
    connections = Connections(connect, 3)
    first, second = connections.take(), connections.take()
    connections.give(second)
    connections.give(first)
    assert connections.take() is first


def test_whoever_asks_first_is_served_first() -> None:
    connections = Connections(connect, 1)
    taken = connections.take()
    served: list[int] = []
    callers = [Caller(connections, served) for _ in range(20)]
    connections.give(taken)
    for caller in callers:
        caller.join(10)
        assert caller.got is taken
    assert served == [caller.native_id for caller in callers]


def test_nobody_comes_past_those_who_wait() -> None:
    connections = Connections(connect, 1)
    taken = connections.take()
    served: list[int] = []
    caller = Caller(connections, served)
    connections._idle.append(taken)  # given back, and the line is not served yet
    assert connections.take() is taken
    assert served == [caller.native_id]


def test_who_waits_in_vain_leaves_the_line() -> None:
    connections = Connections(connect, 1)
    taken = connections.take()
    with pytest.raises(StoreUnavailable, match="all 1 connections were in use"):
        connections.take(0.01)
    assert not connections._line
    connections.give(taken)
    assert connections.take() is taken


@pytest.mark.parametrize("meanwhile", ["nothing", "give", "drop"])
def test_who_is_interrupted_while_waiting_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    class Interrupted:
        def __init__(self) -> None:
            self.connection: Any = None
            self.due = self

        def acquire(self, timeout: float) -> None:
            if meanwhile != "nothing":
                getattr(connections, meanwhile)(taken)
            raise KeyboardInterrupt

        def release(self) -> None: ...

    connections = Connections(connect, 1)
    taken = connections.take()
    with monkeypatch.context() as patched:
        patched.setattr("sessionstore._redis.connections.Turn", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            connections.take()
    assert not connections._line
    if meanwhile == "nothing":
        connections.give(taken)
    assert (connections.take() is taken) == (meanwhile != "drop")
    assert connections._made == 1


def test_one_that_fails_makes_room_for_the_first_who_waits_and_takes_the_idle_along() -> None:
    connections = Connections(connect, 2)
    failed, idle = connections.take(), connections.take()
    connections.give(idle)
    connections.drop(failed)
    assert not failed.open
    assert not idle.open
    taken = [connections.take(), connections.take()]
    caller = Caller(connections, [])
    connections.drop(taken[0])
    caller.join(10)
    assert caller.got not in (failed, idle, *taken)


def test_one_that_cannot_be_made_leaves_its_room_to_others() -> None:
    connections = Connections(refuse, 1)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            connections.take(0.01)
    assert connections._made == 0


def test_many_threads_never_have_more_than_there_may_be_nor_lose_one() -> None:
    connections = Connections(connect, 3)
    in_use: list[Any] = []
    most = []
    end = time.monotonic() + 0.5

    def work(number: int) -> None:
        while time.monotonic() < end:
            one = connections.take()
            assert one not in in_use
            in_use.append(one)
            most.append(len(in_use))
            in_use.remove(one)
            connections.drop(one) if number == 0 else connections.give(one)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) <= 3
    assert connections._made == len(connections._idle) <= 3
    assert not connections._line


def test_what_is_in_use_at_the_close_is_closed_when_it_is_given_back() -> None:
    connections = Connections(connect, 2)
    idle, used = connections.take(), connections.take()
    connections.give(idle)
    caller = Caller(connections, [])
    assert caller.got is idle
    again = connections.take()
    callers = [Caller(connections, []) for _ in range(3)]
    connections.close()
    for caller in callers:
        caller.join(10)
        assert isinstance(caller.failure, StoreClosed)
    for one in (used, again):
        assert one.open
        connections.give(one)
        assert not one.open
    with pytest.raises(StoreClosed):
        connections.take()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_has_none_of_its_parent_and_nobody_in_line() -> None:
    connections = Connections(connect, 1)
    taken = connections.take()
    caller = Caller(connections, [])
    with connections._lock:  # held by a thread that the child does not have
        child = os.fork()
        if child == 0:
            fresh = connections.take(0.1)
            os._exit(0 if fresh is not taken and not connections._line else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    connections.give(taken)
    caller.join(10)
    assert caller.got is taken


def test_nothing_keeps_connections_of_a_store_that_nobody_has() -> None:
    connections = Connections(connect, 1)
    gone = weakref.ref(connections)
    del connections
    gc.collect()
    assert gone() is None


async def served(connections: AsyncConnections, told: list[int], number: int) -> None:
    one = await connections.take()
    told.append(number)
    try:
        await asyncio.sleep(0)
    finally:
        connections.give(one)


def in_loop(scene: Callable[[], Any]) -> None:
    asyncio.run(scene())


def test_asyncio_whoever_asks_first_is_served_first_whoever_is_cancelled() -> None:
    async def scene() -> None:
        connections = AsyncConnections(connect_async, 2)
        taken = [await connections.take(), await connections.take()]
        told: list[int] = []
        tasks = [asyncio.create_task(served(connections, told, number)) for number in range(50)]
        await asyncio.sleep(0)
        for task in tasks[::3]:
            task.cancel()
        for one in taken:
            connections.give(one)
        late = asyncio.create_task(served(connections, told, 50))
        await asyncio.sleep(0)
        tasks[1].cancel()  # it has been given one, and has not seen it yet
        await asyncio.gather(*tasks, late, return_exceptions=True)
        assert told == sorted(told)
        assert set(told) >= {number for number in range(2, 51) if number % 3 or number == 50}
        assert connections._made == len(connections._idle) == 2
        assert not connections._line

    in_loop(scene)


def test_asyncio_who_waits_in_vain_and_who_cannot_connect_leave_nothing() -> None:
    async def scene() -> None:
        connections = AsyncConnections(connect_async, 1)
        taken = await connections.take()
        with pytest.raises(StoreUnavailable):
            await connections.take(0.01)
        connections.drop(taken)
        assert connections._made == 0
        assert not taken.open
        connections._connect = refuse_async
        with pytest.raises(ConnectionError):
            await connections.take()
        assert connections._made == 0

    in_loop(scene)


def test_asyncio_what_is_in_use_at_the_close_is_closed_when_it_is_given_back() -> None:
    async def scene() -> None:
        connections = AsyncConnections(connect_async, 1)
        taken = await connections.take()
        waits = asyncio.create_task(connections.take())
        await asyncio.sleep(0)
        connections.close()
        connections.give(taken)
        assert not taken.open
        await until(waits.done, "it is told")
        assert isinstance(waits.exception(), StoreClosed)
        with pytest.raises(StoreClosed):
            await connections.take()

    in_loop(scene)
