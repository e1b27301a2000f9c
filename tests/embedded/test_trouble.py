"""What befalls an embedded server: it stalls, is stopped, loses its files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from sessionstore import SessionStore, StoreUnavailable
from sessionstore._redis import connect, exchange
from sessionstore.embedded import EmbeddedServer, _server, connect_or_start
from tests.embedded.scenes import pid_of, running, servers_in
from tests.faults.awaited import SHELLS, connected
from tests.support.wait import wait_until

SOON = 12.0
"""Seconds within which every call ends, on a busy machine too."""

LEASE = 0.6


def seconds_of(call: Callable[[], object]) -> float:
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable):
        call()
    return time.monotonic() - begun


# ── a server that stalls ─────────────────────────────────────────────────────────────────────────


def test_connecting_to_a_stalled_server_ends_soon_and_leaves_it_alone(directory: Path) -> None:
    url = f"embedded://{directory}"
    SessionStore.connect(url).close()
    pid = pid_of(directory)
    os.kill(pid, signal.SIGSTOP)
    took: list[float] = []
    crowd = [
        threading.Thread(target=lambda: took.append(seconds_of(lambda: SessionStore.connect(url))))
        for _ in range(5)
    ]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join(timeout=60)
    assert len(took) == 5
    assert max(took) < SOON
    assert servers_in(directory) == [pid]
    os.kill(pid, signal.SIGCONT)
    SessionStore.connect(url).close()
    assert pid_of(directory) == pid


def test_asyncio_goes_on_while_it_connects_to_a_stalled_server(directory: Path) -> None:
    url = f"embedded://{directory}"
    SessionStore.connect(url).close()
    os.kill(pid_of(directory), signal.SIGSTOP)

    async def main() -> None:
        async def connect() -> None:
            async with connected("asyncio", url, "ss", 256):
                pass

        connecting = asyncio.create_task(connect())
        begun = longest = time.monotonic()
        gaps = []
        while not connecting.done():
            await asyncio.wait([connecting], timeout=0.01)
            gaps.append(time.monotonic() - longest)
            longest = time.monotonic()
        assert time.monotonic() - begun < SOON
        assert max(gaps) < 1
        with pytest.raises(StoreUnavailable):
            connecting.result()

    asyncio.run(main())


@pytest.mark.parametrize("shell", SHELLS)
def test_calls_to_a_stalled_server_end_as_with_any_url_and_it_is_used_again_when_it_goes_on(
    directory: Path, shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (connect, exchange):
        monkeypatch.setattr(module, "ANSWER_WITHIN", 0.3)

    async def main() -> None:
        async with connected(shell, f"embedded://{directory}", "ss", 8) as store:
            session = await store.create("a", data={"n": 1})
            await (await store.create("b")).close()
            pid = pid_of(directory)
            os.kill(pid, signal.SIGSTOP)
            session["n"] = 2
            for call in (session.save, lambda: store.open("b"), lambda: store.read("b")):
                begun = time.monotonic()
                with pytest.raises(StoreUnavailable):
                    await call()
                assert time.monotonic() - begun < 3  # a few tries of 0.3 s, and no other wait
            assert servers_in(directory) == [pid]
            os.kill(pid, signal.SIGCONT)
            await session.save()
            assert (await store.read("a"))["n"] == 2

    asyncio.run(main())


def test_a_server_that_reads_its_data_is_waited_for(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_server, "SILENT_SECONDS", 0.3)
    told = [b"-LOADING it reads its data\r\n"] * 60
    ask = _server._ask

    def loading(place: Path, command: bytes, **how: Any) -> bytes | None:
        return told.pop() if command == b"PING" and told else ask(place, command, **how)

    connect_or_start(directory)
    monkeypatch.setattr(_server, "_ask", loading)
    connect_or_start(directory)
    assert not told
    told += [b"-LOADING it reads its data\r\n"] * 10_000
    monkeypatch.setattr(_server, "START_SECONDS", 0.3)
    with pytest.raises(StoreUnavailable, match="reads its data"):
        connect_or_start(directory)
    told.clear()


# ── a server that is stopped ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shell", SHELLS)
def test_what_was_stopped_stays_stopped_whatever_clients_do(directory: Path, shell: str) -> None:
    url = f"embedded://{directory}"

    async def main() -> None:
        async with connected(shell, url, "ss", 8) as store:
            held = await store.open((await store.create(open=False)).id, lease=LEASE)
            EmbeddedServer(directory).stop()
            begun = time.monotonic()
            while time.monotonic() - begun < 2 * LEASE:  # it is renewed meanwhile, in vain
                with pytest.raises(StoreUnavailable):
                    await store.read(held.id)
            assert servers_in(directory) == []
            with contextlib.suppress(StoreUnavailable):
                await held.close()
            assert servers_in(directory) == []
            async with connected(shell, url, "ss", 8) as again:
                assert await again.count() == 1
            assert await store.count() == 1

    asyncio.run(main())


def test_up_is_left_alone_by_a_slow_answer(directory: Path) -> None:
    with running("up", "--dir", directory) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        pid = pid_of(directory)
        with contextlib.closing(redis.Redis.from_url(url, socket_timeout=30)) as client:
            client.config_set("busy-reply-threshold", 2500)
            # In a script its clock stands till then, and so long it answers nothing.
            client.eval(
                "local t = redis.call('TIME') repeat local n = redis.call('TIME')"
                " until n[1] - t[1] >= 1",
                0,
            )
            assert client.ping()
        assert child.poll() is None
        assert pid_of(directory) == pid


def test_up_ends_when_somebody_stops_the_server(directory: Path) -> None:
    with running("up", "--dir", directory) as child:
        assert child.stdout is not None
        child.stdout.readline()
        EmbeddedServer(directory).stop()
        _, err = child.communicate(timeout=20)
        assert child.returncode == 2
        assert "gone" in err


# ── a server that is cut off ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shell", SHELLS)
def test_without_its_socket_a_server_is_started_again_with_all_data(
    directory: Path, shell: str
) -> None:
    url = f"embedded://{directory}"

    async def main() -> None:
        async with connected(shell, url, "ss", 8) as store:
            await (await store.create("a", data={"n": 1})).close()
            (directory / "server.sock").unlink()
            assert (await store.read("a"))["n"] == 1  # over the connection that it has
            begun = time.monotonic()
            async with connected(shell, url, "ss", 8) as other:
                assert time.monotonic() - begun < 3
                assert (await other.read("a"))["n"] == 1
                async with store.open("a") if shell == "asyncio" else given(store, "a") as session:
                    session["n"] = 2
                assert (await other.read("a"))["n"] == 2
            assert len(servers_in(directory)) == 1

    asyncio.run(main())


@contextlib.asynccontextmanager
async def given(store: Any, id: str) -> Any:
    session = await store.open(id)
    yield session
    await session.close()


def test_a_client_that_needs_a_connection_more_starts_it_again_too(directory: Path) -> None:
    with SessionStore.connect(f"embedded://{directory}") as store:
        store.create("a", data={"n": 1}, open=False)
        (directory / "server.sock").unlink()
        together = threading.Barrier(8)
        told: list[int] = []

        def read() -> None:
            together.wait(timeout=20)
            told.extend(store.read("a")["n"] for _ in range(50))

        readers = [threading.Thread(target=read) for _ in range(8)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(timeout=30)
        assert told == [1] * 400
        assert (directory / "server.sock").exists()
        assert len(servers_in(directory)) == 1


def remove(directory: Path, how: str) -> None:
    for path in directory.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if how == "directory":
        directory.rmdir()


@pytest.mark.parametrize("how", ["directory", "content"])
def test_a_new_server_in_the_place_of_removed_files_is_the_only_one(
    directory: Path, how: str
) -> None:
    url = f"embedded://{directory}"
    with SessionStore.connect(url) as store:
        store.create("a", open=False)
        first = pid_of(directory)
        remove(directory, how)
        with SessionStore.connect(url) as other:
            assert other.count() == 0
            other.create("b", open=False)
            assert servers_in(directory) == [pid_of(directory)] != [first]
            assert [info.id for info in store.list()] == ["b"]
    EmbeddedServer(directory).stop()
    with SessionStore.connect(url) as store:
        assert [info.id for info in store.list()] == ["b"]


@pytest.mark.parametrize("how", ["directory", "content"])
def test_stop_finds_the_server_of_removed_files(directory: Path, how: str) -> None:
    connect_or_start(directory)
    remove(directory, how)
    EmbeddedServer(directory).stop()
    assert servers_in(directory) == []
    assert directory.exists() == (how == "content")


def test_leaving_the_block_stops_a_server_whose_directory_was_removed(directory: Path) -> None:
    with EmbeddedServer(directory):
        shutil.rmtree(directory)
    assert servers_in(directory) == []
    with EmbeddedServer() as server:
        shutil.rmtree(server.directory)
        gone = server.directory
    assert servers_in(gone) == []


def test_up_ends_the_server_whose_directory_was_removed(directory: Path) -> None:
    with running("up", "--dir", directory) as child:
        assert child.stdout is not None
        child.stdout.readline()
        shutil.rmtree(directory)
        child.communicate(timeout=20)
        assert child.returncode == 2
    assert servers_in(directory) == []
    assert not directory.exists()


def test_clients_do_not_make_a_removed_directory_again(directory: Path) -> None:
    with SessionStore.connect(f"embedded://{directory}") as store:
        os.kill(pid_of(directory), signal.SIGSTOP)
        pid = pid_of(directory)
        shutil.rmtree(directory)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(StoreUnavailable):
            store.count()
        assert not directory.exists()


def test_a_copy_of_a_directory_is_a_store_of_its_own(directory: Path) -> None:
    copy = directory.with_name("copy")
    with SessionStore.connect(f"embedded://{directory}") as store:
        store.create("a", open=False)
        shutil.copytree(
            directory, copy, ignore=lambda _, names: [n for n in names if n.endswith(".sock")]
        )
        try:
            with SessionStore.connect(f"embedded://{copy}") as other:
                other.delete("a")
                assert (store.count(), other.count()) == (1, 0)
                EmbeddedServer(copy).stop()
                assert store.count() == 1
        finally:
            EmbeddedServer(copy).stop()


def test_a_directory_that_was_moved_takes_its_data_along(directory: Path) -> None:
    new = directory.with_name("moved")
    with SessionStore.connect(f"embedded://{directory}") as store:
        store.create("a", open=False)
    first = pid_of(directory)
    directory.rename(new)
    try:
        with SessionStore.connect(f"embedded://{new}") as store:
            assert store.count() == 1
            assert pid_of(new) != first
            assert servers_in(directory) == []
    finally:
        EmbeddedServer(new).stop()


def test_a_directory_that_cannot_be_written_is_a_clear_error(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_server, "note", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        connect_or_start(directory)
    wait_until(lambda: servers_in(directory) == [], "the waiting shell has given up")


def test_a_client_that_cannot_start_the_server_again_says_what_is_unknown(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SessionStore.connect(f"embedded://{directory}") as store:
        session = store.create("a", data={"n": 0})
        monkeypatch.setattr(_server, "find_server", lambda: directory / "no-such-server")
        connections = store._driver._exchange._nodes.at("")
        wire = connections.take()
        connections.give(wire)
        receive = wire.receive
        os.kill(pid_of(directory), signal.SIGSTOP)

        def dies_before_it_answers(*given: Any, **named: Any) -> Any:
            os.kill(pid_of(directory), signal.SIGKILL)
            wait_until(lambda: EmbeddedServer(directory).pid is None, "it is dead")
            return receive(*given, **named)

        monkeypatch.setattr(wire, "receive", dies_before_it_answers)
        session["n"] = 1
        with pytest.raises(StoreUnavailable) as caught:
            session.save()
        assert caught.value.unknown
