"""What we take from inside redis-py is still there, and without it all works by its own way."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import fakeredis
import pytest

from sessionstore import AsyncSessionStore, SessionStore
from sessionstore._redis import insides
from sessionstore._redis.commands import packed, pop
from sessionstore._redis.connect import connect, connect_async
from sessionstore._redis.insides import (
    AsyncPlainWire,
    PlainWire,
    connect_wire,
    connect_wire_async,
)
from sessionstore._redis.wires import AsyncSocketWire, SocketWire, exchange
from tests.support.servers import HOST, Standalone
from tests.support.wait import until

PING = b"*1\r\n$4\r\nPING\r\n"
URLS = ["tcp", "unix", "tls"]


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    at = tmp_path_factory.mktemp("servers")
    with (
        Standalone(None, at / "tcp", appendonly=False) as tcp,
        Standalone(None, at / "unix", unix=True, appendonly=False) as unix,
    ):
        found = {"tcp": tcp.url, "unix": unix.url}
        if certificate := made_certificate(at):
            with encrypting(certificate, tcp.port) as port:
                found["tls"] = f"rediss://{HOST}:{port}?ssl_cert_reqs=none"
                yield found
        else:
            yield found


@pytest.fixture
def url(urls: dict[str, str], kind: str) -> str:
    if kind not in urls:
        pytest.skip("no openssl here that makes a certificate")
    return urls[kind]


def made_certificate(directory: Path) -> Path | None:
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    made = directory / "both.pem"
    said = subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"),
            *("-subj", "/CN=localhost", "-keyout", made, "-out", directory / "certificate.pem"),
        ],
        capture_output=True,
        check=False,
    )
    if said.returncode:
        return None
    made.write_bytes(made.read_bytes() + (directory / "certificate.pem").read_bytes())
    return made


@contextlib.contextmanager
def encrypting(certificate: Path, port: int) -> Iterator[int]:
    """Listen on a port, which is returned, with TLS, and pass all on to another one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    ready: Future[tuple[int, Callable[[], None]]] = Future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(HOST, port)
        try:
            await asyncio.gather(pass_on(reader, ours), pass_on(theirs, writer))
        finally:
            ours.close()
            writer.close()

    async def main() -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(serve, HOST, 0, ssl=context)
        at = server.sockets[0].getsockname()[1]
        ready.set_result((at, partial(loop.call_soon_threadsafe, over.set)))
        await over.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    at, end = ready.result(10)
    try:
        yield at
    finally:
        end()
        thread.join(10)


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
    writer.close()


@pytest.mark.parametrize("kind", URLS)
def test_the_socket_of_a_connection_is_taken_over(url: str) -> None:
    deployment = connect(url)
    wire = connect_wire(deployment.source(""))
    assert type(wire) is SocketWire, "redis-py is built otherwise by now: see insides.py"
    wire.send(PING * 2)
    assert wire.receive(2) == [b"PONG"] * 2
    wire.disconnect()
    deployment.client.close()


@pytest.mark.parametrize("kind", URLS)
def test_the_transport_of_a_connection_is_taken_over(url: str) -> None:
    async def scene() -> None:
        deployment = connect_async(url)
        wire = await connect_wire_async(deployment.source(""))
        assert type(wire) is AsyncSocketWire, "redis-py is built otherwise by now: see insides.py"
        assert await exchange(wire, PING * 2, 2) == [b"PONG"] * 2
        wire.disconnect()
        await deployment.client.aclose()

    asyncio.run(scene())


def test_what_is_no_socket_is_used_by_the_way_of_redis_py() -> None:
    async def scene() -> None:
        pool = fakeredis.FakeAsyncRedis().connection_pool
        assert type(await connect_wire_async(pool)) is AsyncPlainWire

    assert type(connect_wire(fakeredis.FakeRedis().connection_pool)) is PlainWire
    asyncio.run(scene())


# Its own way closes TLS only some time after it was told to: too late for a loop that ends.
either_way = pytest.mark.parametrize(
    ("way", "kind"),
    [*(("ours", kind) for kind in URLS), ("redis-py", "tcp"), ("redis-py", "unix")],
    indirect=["way"],
)


@pytest.fixture
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "ours":
        monkeypatch.setattr(insides, "_inside", lambda *_: (None, None))


@either_way
@pytest.mark.usefixtures("way")
def test_a_store_works_either_way(url: str) -> None:
    with SessionStore.connect(url, prefix="sync") as store:
        with store.create(data={"large": "x" * 100_000}) as session:
            id = session.id
        with store.open(id) as session:
            session["n"] = len(session["large"])
        with store.open(id) as session:
            assert session["n"] == 100_000
        store.delete(id)


@either_way
@pytest.mark.usefixtures("way")
def test_asyncio_a_store_works_either_way(url: str) -> None:
    async def scene() -> None:
        async with AsyncSessionStore.connect(url, prefix="async") as store:

            async def one() -> None:
                async with store.create(data={"large": "x" * 100_000}) as session:
                    id = session.id
                async with store.open(id) as session:
                    session["n"] = len(session["large"])
                async with store.open(id) as session:
                    assert session["n"] == 100_000
                await store.delete(id)

            await asyncio.gather(*(one() for _ in range(30)))

    asyncio.run(scene())


def test_by_the_way_of_redis_py_too_nobody_waits_on_after_the_connection_was_closed() -> None:
    async def scene() -> None:
        pool = fakeredis.FakeAsyncRedis().connection_pool
        wire = await connect_wire_async(pool)
        answered = exchange(wire, PING, 1)
        assert await answered == [b"PONG"]
        waits = exchange(wire, packed([pop("list", 60)]), 1, 60)
        await asyncio.sleep(0)
        wire.disconnect()
        await until(waits.done, "it ends")
        assert waits.cancelled() or waits.exception()

    asyncio.run(scene())
