"""What rings is heard; and that something may have been missed is told, whatever becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sessionstore import StoreClosed
from sessionstore._redis import ringing
from sessionstore._redis.aio import AsyncDriver
from sessionstore._redis.connect import connect_async
from tests.support.servers import Standalone
from tests.support.wait import until

CHANNELS = [f"{{ring:{number}}}je" for number in range(30)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    with Standalone(None, tmp_path_factory.mktemp("server"), appendonly=False) as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ringing, "QUIET", 0.2)
    monkeypatch.setattr(ringing, "ANSWER_WITHIN", 0.3)
    monkeypatch.setattr(ringing, "IDLE", 0.3)


@asynccontextmanager
async def listening(url: str) -> Any:
    driver = AsyncDriver(connect_async(url))
    try:
        yield driver.ringing
    finally:
        await driver.close()


def ring(server: Standalone, channel: str, message: str) -> int:
    return int(server.ask("SPUBLISH", channel, message))


def connections(server: Standalone) -> list[str]:
    lines = server.ask("CLIENT", "LIST", "TYPE", "PUBSUB").splitlines()
    return [line.split()[0].removeprefix("id=") for line in lines]


async def test_each_channel_is_heard_by_all_its_listeners(server: Standalone, runner: Any) -> None:
    async with listening(server.url) as rings:
        heard: dict[str, list[Any]] = {channel: [] for channel in CHANNELS}
        for channel, told in heard.items():
            rings.listen(channel, told.append)
        again: list[Any] = []
        await until(lambda: all(told == [None] for told in heard.values()), "all are sure")
        rings.listen(CHANNELS[0], again.append)
        await until(lambda: again == [None], "it is sure at once")
        assert len(connections(server)) == 1
        for channel in CHANNELS:
            ring(server, channel, channel)
        await until(lambda: all(len(told) == 2 for told in heard.values()), "all have heard")
        assert all(told == [None, channel.encode()] for channel, told in heard.items())
        assert again == [None, CHANNELS[0].encode()]


async def test_a_subscription_ends_with_its_last_listener_and_the_connection_a_while_later(
    server: Standalone, runner: Any
) -> None:
    async with listening(server.url) as rings:
        told: list[Any] = []
        both = [rings.listen(CHANNELS[0], told.append) for _ in range(2)]
        await until(lambda: len(told) == 2, "both are sure")
        both[0].close()
        both[0].close()
        assert ring(server, CHANNELS[0], "a") == 1
        await until(lambda: told[2:] == [b"a"], "the other one has heard")
        both[1].close()
        await until(lambda: ring(server, CHANNELS[0], "b") == 0, "nobody listens")
        assert (rings.channels, told[3:]) == (0, [])
        await until(lambda: not connections(server), "the connection is closed")
        rings.listen(CHANNELS[0], told.append)
        await until(lambda: told[3:] == [None], "it is made anew")


async def test_one_who_leaves_and_comes_back_at_once_is_sure_again(
    server: Standalone, runner: Any
) -> None:
    async with listening(server.url) as rings:
        for _ in range(20):
            told: list[Any] = []
            one = rings.listen(CHANNELS[0], told.append)
            one.close()
            one = rings.listen(CHANNELS[0], told.append)
            await until(lambda told=told: told, "it is sure")
            ring(server, CHANNELS[0], "a")
            await until(lambda told=told: b"a" in told, "it has heard")
            one.close()


async def test_a_connection_that_is_cut_is_made_anew_and_that_is_told(
    server: Standalone, runner: Any
) -> None:
    async with listening(server.url) as rings:
        told: list[Any] = []
        for channel in CHANNELS[:3]:
            rings.listen(channel, told.append)
        await until(lambda: len(told) == 3, "all are sure")
        for _ in range(3):
            told.clear()
            server.ask("CLIENT", "KILL", "ID", connections(server)[0])
            await until(lambda: told == [None] * 3, "all are sure again")


async def test_a_server_that_hangs_is_noticed(server: Standalone, runner: Any) -> None:
    """As is one at the other end of a connection that is dead without a word."""
    async with listening(server.url) as rings:
        told: list[Any] = []
        rings.listen(CHANNELS[0], told.append)
        await until(lambda: told == [None], "it is sure")
        (before,) = connections(server)
        server.pause()
        try:
            line = next(iter(rings._lines.values()))
            await until(lambda: not line.hears(CHANNELS[0]), "it is not sure any more")
        finally:
            server.resume()
        await until(lambda: told == [None, None], "it is sure again")
        assert before not in connections(server)


async def test_a_quiet_connection_is_kept(server: Standalone, runner: Any) -> None:
    async with listening(server.url) as rings:
        told: list[Any] = []
        rings.listen(CHANNELS[0], told.append)
        await until(lambda: told == [None], "it is sure")
        (before,) = connections(server)
        pings = int(server.info("commandstats").get("cmdstat_ping", "calls=0,")[6:].split(",")[0])

        def asked() -> bool:
            found = server.info("commandstats").get("cmdstat_ping", "calls=0,")
            return int(found[6:].split(",")[0]) >= pings + 3

        await until(asked, "it was asked three times")
        assert (connections(server), told) == ([before], [None])


async def test_what_is_found_and_did_not_ring_makes_the_connection_anew(
    server: Standalone, runner: Any
) -> None:
    async with listening(server.url) as rings:
        told: list[Any] = []
        one = rings.listen(CHANNELS[0], told.append)
        await until(lambda: told == [None], "it is sure")
        for _ in range(ringing.DOUBTS - 1):
            one.doubt()
        ring(server, CHANNELS[0], "a")
        await until(lambda: told == [None, b"a"], "it does hear")
        for _ in range(ringing.DOUBTS):
            one.doubt()
        await until(lambda: told == [None, b"a", None], "it is sure again")


async def test_a_server_that_is_killed_is_heard_again(tmp_path: Path, runner: Any) -> None:
    with Standalone(None, tmp_path / "server", appendonly=False) as server:
        async with listening(server.url) as rings:
            told: list[Any] = []
            rings.listen(CHANNELS[0], told.append)
            await until(lambda: told == [None], "it is sure")
            server.kill9()
            server.start()
            await until(lambda: told == [None, None], "it is sure again")


async def test_a_listener_that_raises_costs_the_others_nothing(
    server: Standalone, runner: asyncio.Runner
) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
    async with listening(server.url) as rings:
        told: list[Any] = []
        rings.listen(CHANNELS[0], lambda _: 1 / 0)
        rings.listen(CHANNELS[0], told.append)
        await until(lambda: told == [None], "it is sure")
    assert {type(one["exception"]) for one in complaints} == {ZeroDivisionError}


async def test_after_the_close_nobody_listens(server: Standalone, runner: Any) -> None:
    async with listening(server.url) as rings:
        told: list[Any] = []
        rings.listen(CHANNELS[0], told.append)
    with pytest.raises(StoreClosed):
        rings.listen(CHANNELS[0], told.append)
    await until(lambda: not connections(server), "the connection is closed")
