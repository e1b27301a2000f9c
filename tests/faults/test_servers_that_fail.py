"""The server forgets its scripts, restarts, is killed, is full, is a replica, or is not there."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import (
    AsyncSessionStore,
    ConfigError,
    Session,
    SessionStore,
    SessionStoreError,
    StoreUnavailable,
)
from sessionstore._redis import connect, exchange
from sessionstore.embedded import EmbeddedServer
from tests.faults import jobs
from tests.faults.awaited import SHELLS, connected
from tests.faults.checks import BUCKETS, every_key_expires, keys_of
from tests.support.processes import Child
from tests.support.servers import Standalone, free_port
from tests.support.wait import until, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LEASE = 0.5
ADDERS = (jobs.add_until_told, jobs.add_until_told, jobs.add_until_told_async)


def under_load(
    server: Standalone, prefix: str, disturb: Callable[[SessionStore], None]
) -> tuple[int, int, list[str]]:
    """Add to a counter from several processes; return its value, what is sure, and all errors."""
    with SessionStore.connect(server.url, prefix=prefix, buckets=BUCKETS) as store:
        store.create("a", data={"n": 0}, open=False)
        with ExitStack() as stack:
            adders = [stack.enter_context(Child(job, server.url, prefix, LEASE)) for job in ADDERS]
            for adder in adders:
                adder.hear()
            goes_on(store)
            disturb(store)
            goes_on(store)
            for adder in adders:
                adder.tell("enough")
            said = [adder.hear() for adder in adders]
        sure = sum(count for count, _ in said)
        errors = [error for _, more in said for error in more]
        every_key_expires(server, prefix)
        return store.read("a")["n"], sure, errors


def goes_on(store: SessionStore) -> None:
    """Wait until the counter has grown by some."""
    start = count(store)
    wait_until(lambda: count(store) > start + 30, "the counter grows", timeout=15)


def count(store: SessionStore) -> int:
    for _ in range(20):
        try:
            n: int = store.read("a")["n"]
        except StoreUnavailable:
            continue
        return n
    raise AssertionError("the server does not come back")


def test_no_caller_notices_that_the_scripts_were_flushed(
    own_server: Standalone, prefix: str
) -> None:
    def flush(store: SessionStore) -> None:
        for _ in range(100):
            own_server.ask("SCRIPT", "FLUSH")
            before = count(store)
            wait_until(lambda n=before: count(store) > n, "the counter grows")  # type: ignore[misc]

    n, sure, errors = under_load(own_server, prefix, flush)
    assert errors == []
    assert n == sure


@pytest.mark.parametrize("shell", SHELLS)
def test_every_call_works_though_the_scripts_are_flushed_before_each(
    own_server: Standalone, prefix: str, shell: str
) -> None:
    flush = lambda: own_server.ask("SCRIPT", "FLUSH")  # noqa: E731

    async def main() -> None:
        async with connected(shell, own_server.url, prefix, BUCKETS) as store:
            calls: list[Any] = []
            for owner in ("", "ann", "*"):
                flush()
                session = await store.create("a", owner=owner, data={"n": 1})
                session["n"] = 2
                flush()
                await session.save()
                flush()
                await session.renew()
                flush()
                await session.close(id="b")
                flush()
                assert await store.count(owner) == 1
                flush()
                shared = await store.open("b", owner, mode="shared")
                shared["n"] = 3
                flush()
                await shared.save()
                flush()
                await store.touch("b", owner)
                flush()
                await store.delete("b", owner)
                calls.append(owner)
            flush()
            await store.configure(max_timeout=60, max_private=5)
            flush()
            await store.sweep()
            flush()
            await store.end_all("ann")
            assert len(calls) == 3

    asyncio.run(main())


@pytest.mark.parametrize("how", ["restart", "kill9"])
def test_after_a_restart_under_load_callers_go_on_and_nothing_acknowledged_is_lost(
    own_server: Standalone, prefix: str, how: str
) -> None:
    chance = random.Random(how)

    def disturb(store: SessionStore) -> None:
        for _ in range(5):
            if how == "kill9":
                own_server.kill9()
                own_server.start()
            else:
                own_server.restart()
            for _ in range(chance.randrange(3)):
                goes_on(store)

    n, sure, errors = under_load(own_server, prefix, disturb)
    kinds = {error.split()[0] for error in errors}
    assert kinds <= {"StoreUnavailable", "TimedOut", "SessionInUse", "LeaseLost"}
    maybe = [error for error in errors if " True " in error or error.startswith("LeaseLost")]
    assert sure <= n <= sure + len(maybe)


def test_a_store_of_an_embedded_server_starts_it_again_after_a_kill(tmp_path: Path) -> None:
    directory = tmp_path / "embedded"
    url = f"embedded://{directory}"
    try:
        with SessionStore.connect(url, buckets=BUCKETS) as store:
            store.create("a", data={"n": 0}, open=False)
            for n in range(5):
                kill_the_server_of(directory)
                with store.open("a") as session:
                    session["n"] += 1
                    session.save()
                    kill_the_server_of(directory)
                assert store.read("a")["n"] == n + 1
    finally:
        EmbeddedServer(directory).stop()


def test_an_asyncio_store_of_an_embedded_server_starts_it_again_too(tmp_path: Path) -> None:
    directory = tmp_path / "embedded"

    async def add(store: AsyncSessionStore, id: str) -> None:
        async with store.open(id) as session:
            session["n"] += 1

    async def main() -> None:
        async with AsyncSessionStore.connect(f"embedded://{directory}", buckets=BUCKETS) as store:
            for number in range(10):
                await store.create(f"s{number}", data={"n": 0}, open=False)
            for n in range(3):
                kill_the_server_of(directory)
                await asyncio.gather(*(add(store, f"s{number}") for number in range(10)))
                for number in range(10):
                    assert (await store.read(f"s{number}"))["n"] == n + 1

    try:
        asyncio.run(main())
    finally:
        EmbeddedServer(directory).stop()


def kill_the_server_of(directory: Path) -> None:
    import redis

    with redis.Redis.from_url(EmbeddedServer(directory).url) as client:
        pid = client.info("server")["process_id"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not _runs(pid), "it is dead")


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("shell", SHELLS)
def test_a_server_that_hangs_is_an_unknown_outcome_and_is_used_again_when_it_goes_on(
    own_server: Standalone, prefix: str, shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (connect, exchange):
        monkeypatch.setattr(module, "ANSWER_WITHIN", 0.2)

    async def main() -> None:
        async with connected(shell, own_server.url, prefix, BUCKETS) as store:
            await (await store.create("a", data={"n": 0})).close()
            session = await store.open("a")
            session["n"] = 1
            own_server.pause()
            begun = time.monotonic()
            with pytest.raises(StoreUnavailable) as caught:
                await session.save()
            assert time.monotonic() - begun < 5
            assert caught.value.unknown
            own_server.resume()
            await session.close()
            assert (await store.read("a"))["n"] == 1

    asyncio.run(main())


@pytest.mark.parametrize("shell", SHELLS)
def test_on_a_full_server_nothing_is_half_written_and_what_makes_room_goes_through(
    own_server: Standalone, prefix: str, shell: str
) -> None:
    async def main() -> None:
        async with connected(shell, own_server.url, prefix, BUCKETS) as store:
            held = await store.create("held", owner="ann", data={"n": 1})
            doomed = await store.create("doomed", owner="ann", data={"n": 1})
            moving = await store.create("moving", owner="ann", data={"n": 1})
            await store.create("idle", owner="bob", data={"n": 1}, open=False)
            await store.create("due", timeout=0.001, open=False)
            own_server.ask("CONFIG", "SET", "maxmemory", "1")
            before = keys_of(own_server, prefix)

            held["big"] = "x" * 1000
            moving["big"] = "x" * 1000
            for call in (
                lambda: store.create("new", owner="ann", data={"n": 1}),
                lambda: store.create(owner="bob", data={"n": 1}),
                held.save,
                lambda: moving.close(owner="bob"),
                lambda: store.open("idle", owner="bob"),
            ):
                with pytest.raises(StoreUnavailable, match="memory") as caught:
                    await call()
                assert "maxmemory or end sessions" in str(caught.value)
                assert not caught.value.unknown
            assert sorted(keys_of(own_server, prefix)) == sorted(before)
            assert dict(await store.read("held", owner="ann")) == {"n": 1}

            await held.renew()
            await held.discard()
            await doomed.delete()
            assert await store.delete("idle", owner="bob") is True
            assert await store.sweep() == 1
            assert await store.count() == 2
            limits = await store.configure(linger=30, max_timeout=600, max_private=50)
            assert limits.max_private == 50
            assert await store.end_all("ann") == 2

            own_server.ask("CONFIG", "SET", "maxmemory", "0")
            await moving.close()  # it was to end
            assert await store.count() == 0
            await (await store.create("new", owner="ann")).close()

    asyncio.run(main())
    every_key_expires(own_server, prefix)


def test_a_half_done_move_does_not_keep_a_full_server_from_being_swept(
    own_server: Standalone, prefix: str
) -> None:
    with SessionStore.connect(own_server.url, prefix=prefix, buckets=BUCKETS) as store:
        store.configure(lease=0.3)
        session = store.create("a", owner="ann", timeout=0.3)
        flow = session._closing(None, "bob", None)
        answer = store._driver._answer(next(flow))
        assert answer[0] == b"SAVED"
        flow.close()  # the mover dies after its first step
        del session
        own_server.ask("CONFIG", "SET", "maxmemory", "1")
        wait_until(lambda: store.sweep() >= 0 and store.count() == 0, "it has timed out", timeout=3)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_read_only_replica_is_refused_and_says_what_to_do(
    own_server: Standalone, tmp_path: Path, prefix: str, shell: str
) -> None:
    extra = ("--replicaof", f"127.0.0.1 {own_server.port}")
    with Standalone(None, tmp_path / "replica", extra=extra) as replica:
        wait_until(
            lambda: replica.info("replication")["master_link_status"] == "up", "it is linked"
        )

        async def main() -> None:
            for create in (True, False):
                with pytest.raises(StoreUnavailable, match="primary") as caught:
                    async with connected(shell, replica.url, prefix, BUCKETS, create=create):
                        pass
                assert not caught.value.unknown

        asyncio.run(main())


@pytest.mark.parametrize("shell", SHELLS)
def test_a_server_that_is_not_there_is_refused_at_once(prefix: str, shell: str) -> None:
    async def main() -> None:
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable, match="cannot be reached") as caught:
            async with connected(shell, f"redis://127.0.0.1:{free_port()}", prefix, BUCKETS):
                pass
        assert time.monotonic() - begun < 1
        assert not caught.value.unknown

    asyncio.run(main())


@pytest.mark.parametrize("shell", SHELLS)
def test_calls_to_a_server_that_went_away_fail_soon_and_work_when_it_is_back(
    own_server: Standalone, prefix: str, shell: str
) -> None:
    async def main() -> None:
        async with connected(shell, own_server.url, prefix, BUCKETS) as store:
            session = await store.create("a", data={"n": 0})
            own_server.stop()
            session["n"] = 1
            for call in (
                session.save, session.close, session.renew, session.delete,
                lambda: store.create("b"), lambda: store.open("a"), lambda: store.read("a"),
                lambda: store.touch("a"), lambda: store.delete("a"), store.count, store.sweep,
                lambda: store.end_all("ann"), lambda: store.configure(lease=1),
            ):  # fmt: skip
                begun = time.monotonic()
                with pytest.raises(StoreUnavailable):
                    await call()
                assert time.monotonic() - begun < 3
            own_server.start()
            await session.close()
            assert (await store.read("a"))["n"] == 1

    asyncio.run(main())


@pytest.mark.parametrize("shell", SHELLS)
def test_a_wrong_password_is_refused_without_being_shown(
    own_server: Standalone, prefix: str, shell: str
) -> None:
    own_server.ask("CONFIG", "SET", "requirepass", "right")
    url = own_server.url

    async def attempt(user: str) -> str:
        with pytest.raises(SessionStoreError) as caught:
            async with connected(shell, url.replace("//", f"//{user}"), prefix, BUCKETS):
                pass
        assert isinstance(caught.value, ConfigError)
        return str(caught.value)

    async def main() -> None:
        for user in (":wrong-secret@", "nobody:wrong-secret@", ""):
            assert "wrong-secret" not in await attempt(user)
        async with connected(shell, url.replace("//", "//:right@"), prefix, BUCKETS) as store:
            await (await store.create("a")).close()

    asyncio.run(main())


def test_a_session_object_tells_who_holds_it(store: SessionStore) -> None:
    with store.create("a") as session:
        assert isinstance(session, Session)
        assert store.read("a").info.holder == session.holder


@pytest.mark.parametrize("shell", SHELLS)
def test_a_server_that_cannot_write_to_its_disk_can_be_read(
    tmp_path: Path, prefix: str, shell: str
) -> None:
    with Standalone(None, tmp_path / "data", appendonly=False) as server:

        async def main() -> None:
            async with connected(shell, server.url, prefix, BUCKETS) as store:
                session = await store.create("a", data={"n": 1})
                server.ask("CONFIG", "SET", "save", "3600 1")
                shutil.rmtree(tmp_path / "data")
                server.ask("BGSAVE")
                session["n"] = 2

                async def refused() -> bool:
                    try:
                        await session.save()
                    except StoreUnavailable as error:
                        return "MISCONF" in str(error) and not error.unknown
                    return False

                await until(refused, "it takes no changes")
                server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                assert (await store.read("a")).info.holder
                assert await store.count() == 1

        asyncio.run(main())
        server.kill9()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_permission_that_lacks_is_named_and_its_user_is_not(
    own_server: Standalone, prefix: str, shell: str
) -> None:
    SessionStore.connect(own_server.url, prefix=prefix, buckets=BUCKETS).close()
    own_server.ask("ACL", "SETUSER", "zz77zz", "on", ">pw", "~*", "+@all", "-get", "-hget", "-ping")
    url = own_server.url.replace("//", "//zz77zz:pw@")

    async def main() -> None:
        with pytest.raises(ConfigError, match="hget") as caught:
            async with connected(shell, url, prefix, BUCKETS):
                pass
        error: BaseException | None = caught.value
        while error is not None:
            assert "zz77zz" not in f"{error} {error!r} {error.args}"
            error = error.__cause__ or error.__context__

    asyncio.run(main())
