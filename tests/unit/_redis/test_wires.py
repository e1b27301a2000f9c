"""The exchange over one connection: what comes back, and when the connection is of no more use."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from redis import exceptions
from redis.connection import DefaultParser

from sessionstore._redis.wires import AsyncSocketWire, SocketWire, exchange
from tests.support.wait import until

parse_error: Any = DefaultParser.parse_error

SHORT = 0.02

WHOLE = [
    (b"+OK\r\n", [b"OK"]),
    (b":1\r\n$2\r\nab\r\n", [1, b"ab"]),
    (b"*2\r\n:1\r\n$-1\r\n+x\r\n", [[1, None], b"x"]),
    (b"*-1\r\n$0\r\n\r\n", [None, b""]),
]

NO_MORE_USE = [
    (b"-LOADING not yet\r\n", exceptions.BusyLoadingError),
    (b"-NOAUTH who are you\r\n", exceptions.AuthenticationError),
    (b"?\r\n", exceptions.InvalidResponse),
]


def wired() -> tuple[SocketWire, socket.socket]:
    ours, theirs = socket.socketpair()
    return SocketWire(ours, parse_error, ours.close), theirs


@pytest.fixture
def pair() -> Iterator[tuple[SocketWire, socket.socket]]:
    wire, server = wired()
    with server:
        yield wire, server
        wire.disconnect()


@contextlib.asynccontextmanager
async def wired_async() -> AsyncIterator[tuple[AsyncSocketWire, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    _, writer = await asyncio.open_connection(sock=ours)
    wire = AsyncSocketWire(writer, parse_error, 10.0)
    with theirs:
        yield wire, theirs
        wire.disconnect()
        await asyncio.sleep(0)


@pytest.mark.parametrize(("sent", "replies"), WHOLE)
def test_replies_come_whole_and_in_order(pair: Any, sent: bytes, replies: list[Any]) -> None:
    wire, server = pair
    wire.send(b"asked")
    assert server.recv(100) == b"asked"
    server.sendall(sent)
    assert wire.receive(len(replies)) == replies


def test_an_error_is_in_its_place(pair: Any) -> None:
    wire, server = pair
    server.sendall(b":1\r\n-NOSCRIPT who\r\n:3\r\n")
    first, error, last = wire.receive(3)
    assert (first, last) == (1, 3)
    assert isinstance(error, exceptions.NoScriptError)


@pytest.mark.parametrize(("sent", "error"), NO_MORE_USE)
def test_who_is_not_served_is_told(pair: Any, sent: bytes, error: type[Exception]) -> None:
    wire, server = pair
    server.sendall(b":1\r\n" + sent)
    with pytest.raises(error):
        wire.receive(2)


def test_a_server_that_goes_or_hangs_is_noticed(pair: Any) -> None:
    wire, server = pair
    server.sendall(b":1\r\n")
    with pytest.raises(TimeoutError):
        wire.receive(2, SHORT)
    server.close()
    with pytest.raises(exceptions.ConnectionError):
        wire.receive(1)


def test_after_a_long_wait_the_usual_bound_holds_again(pair: Any) -> None:
    wire, server = pair
    usual = wire._socket.gettimeout()
    server.sendall(b":1\r\n")
    assert wire.receive(1, 60.0) == [1]
    assert wire._socket.gettimeout() == usual


@pytest.mark.parametrize(("sent", "replies"), WHOLE)
def test_asyncio_replies_come_whole_and_in_order(sent: bytes, replies: list[Any]) -> None:
    async def scene() -> None:
        async with wired_async() as (wire, server):
            for _ in range(2):
                answered = exchange(wire, b"asked", len(replies))
                assert server.recv(100) == b"asked"
                for byte in sent:
                    assert not answered.done()
                    server.send(bytes([byte]))
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                assert await answered == replies

    asyncio.run(scene())


def test_asyncio_an_error_is_in_its_place() -> None:
    async def scene() -> None:
        async with wired_async() as (wire, server):
            answered = exchange(wire, b"asked", 3)
            server.send(b":1\r\n-NOSCRIPT who\r\n:3\r\n")
            first, error, last = await answered
            assert (first, last) == (1, 3)
            assert isinstance(error, exceptions.NoScriptError)

    asyncio.run(scene())


@pytest.mark.parametrize(("sent", "error"), NO_MORE_USE)
def test_asyncio_who_is_not_served_is_told(sent: bytes, error: type[Exception]) -> None:
    async def scene() -> None:
        async with wired_async() as (wire, server):
            answered = exchange(wire, b"asked", 2)
            server.send(b":1\r\n" + sent)
            with pytest.raises(error):
                await answered
            with pytest.raises(exceptions.ConnectionError):
                exchange(wire, b"asked", 1)

    asyncio.run(scene())


def test_asyncio_a_server_that_goes_is_noticed_also_when_nothing_is_asked() -> None:
    async def scene(*, asked: bool) -> None:
        async with wired_async() as (wire, server):
            answered = exchange(wire, b"asked", 1) if asked else None
            server.close()
            if answered is not None:
                with pytest.raises((exceptions.ConnectionError, OSError)):
                    await answered
            await until(lambda: wire._lost, "it is noticed")
            with pytest.raises(exceptions.ConnectionError):
                exchange(wire, b"asked", 1)

    asyncio.run(scene(asked=True))
    asyncio.run(scene(asked=False))


def test_asyncio_a_reply_too_many_is_nobodys() -> None:
    async def scene(*, asked: int, sent: bytes) -> None:
        async with wired_async() as (wire, server):
            answered = exchange(wire, b"asked", asked) if asked else None
            server.send(sent)
            await until(lambda: wire._lost, "it is not used again")
            if answered is not None:
                with pytest.raises(exceptions.ConnectionError):
                    await answered

    asyncio.run(scene(asked=1, sent=b":1\r\n:2\r\n"))
    asyncio.run(scene(asked=0, sent=b":1\r\n"))


def test_asyncio_one_timer_watches_over_all_exchanges() -> None:
    async def scene() -> None:
        async with wired_async() as (wire, server):
            timers = set()
            for _ in range(20):
                answered = exchange(wire, b"asked", 1)
                timers.add(wire._timer)
                server.send(b":1\r\n")
                await answered
            assert len(timers) == 1
            with pytest.raises(exceptions.TimeoutError):
                await exchange(wire, b"asked", 1, SHORT)
            with pytest.raises(exceptions.ConnectionError):
                exchange(wire, b"asked", 1)

    asyncio.run(scene())


def test_asyncio_a_timer_that_goes_off_early_lets_the_exchange_under_way_have_its_time() -> None:
    async def scene() -> None:
        async with wired_async() as (wire, server):
            answered = exchange(wire, b"asked", 1, SHORT)
            server.send(b":1\r\n")
            await answered
            first, answered = wire._timer, exchange(wire, b"asked", 1, 60.0)
            assert wire._timer is first
            await until(lambda: wire._timer is not first, "it has gone off")
            server.send(b":2\r\n")
            assert await answered == [2]

    asyncio.run(scene())


def test_asyncio_what_takes_long_to_send_has_its_time_to_be_answered() -> None:
    async def scene() -> None:
        async with wired_async() as (wire, server):
            answered = exchange(wire, bytes(1 << 22), 1, 60.0)
            due = wire._due
            taken = 0

            def taking() -> bool:
                nonlocal taken
                with contextlib.suppress(BlockingIOError):
                    taken += len(server.recv(1 << 16))
                return taken == 1 << 22

            await until(taking, "all is sent", timeout=20)
            assert wire._due > due
            server.send(b":1\r\n")
            assert await answered == [1]

    asyncio.run(scene())


def test_asyncio_nobody_gets_the_answer_to_an_exchange_that_was_given_up() -> None:
    async def scene() -> None:
        async with wired_async() as (wire, server):
            given_up = exchange(wire, b"asked", 1)
            given_up.cancel()
            server.send(b":1\r\n")
            wire.disconnect()
            with pytest.raises(exceptions.ConnectionError):
                exchange(wire, b"asked", 1)

    asyncio.run(scene())


def test_asyncio_who_asked_is_told_in_the_same_turn_of_the_loop_once() -> None:
    async def scene() -> None:
        async with wired_async() as (wire, _):
            told: list[Any] = []
            wire.begin(b"asked", 2, told.append)
            wire.data_received(b":1\r\n:2\r\n")
            assert told == [[1, 2]]
            wire.begin(b"asked", 1, told.append)
            wire.disconnect()
            assert isinstance(told[1], exceptions.ConnectionError)
            wire.connection_lost(None)
            assert len(told) == 2

    asyncio.run(scene())
