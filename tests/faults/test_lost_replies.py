"""Every call that changes something, with the answer to any of its script calls lost on the way:

to one server, to the primary that the sentinels name, and to any node of a cluster.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree

from sessionstore import (
    Conflict,
    LeaseLost,
    SessionEnded,
    SessionStore,
    SessionStoreError,
    StoreUnavailable,
)
from sessionstore._core.keys import PERMANENT, Keyspace
from sessionstore._core.store import start
from sessionstore._redis import connect, exchange
from sessionstore.requests import Requests
from tests.faults.awaited import SHELLS, connected
from tests.faults.checks import BUCKETS, renew_no_more
from tests.support.proxy import HOW, How, Proxy
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator

    from tests.support.servers import Standalone
    from tests.support.worlds import Place

    # A scene sets the stage, yields the call that is to be tried, is sent its result, and checks.
    Scene = AsyncGenerator[Callable[[], Awaitable[Any]], Any]

SHORT = 0.4
"""Seconds to wait for an answer, where one is delayed."""


def told(plain: SessionStore, id: str | None = None) -> list[str]:
    """What has happened, to one session or to all."""
    return [event.kind for event in plain.events() if id in (None, event.id)]


async def create_named(near: Any, plain: SessionStore) -> Scene:
    session = yield lambda: near.create("a", owner="ann", data={"n": 1})
    assert (session["n"], told(plain)) == (1, ["created"])
    await session.close()
    assert plain.open("a", owner="ann", wait=0)["n"] == 1


async def create_generated(near: Any, plain: SessionStore) -> Scene:
    session = yield lambda: near.create(owner="ann", data={"n": 1})
    assert (plain.count(), told(plain)) == (1, ["created"])
    await session.close()
    assert plain.open(session.id, wait=0)["n"] == 1


async def create_closed(near: Any, plain: SessionStore) -> Scene:
    yield lambda: near.create("a", open=False)
    assert told(plain, "a") == ["created"]
    plain.open("a", wait=0)


async def create_with_a_seat(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_private=2)
    plain.create("a", open=False)
    yield lambda: near.create("b")
    with pytest.raises(SessionStoreError):
        plain.create("c")
    assert plain.count() == 2


async def create_evicting(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_private=2, at_limit="evict")
    plain.create("a", open=False)
    plain.create("b", open=False)
    yield lambda: near.create("c")
    assert told(plain).count("evicted") == 1
    assert plain.count() == 2


async def open_free(near: Any, plain: SessionStore) -> Scene:
    plain.create("a", data={"n": 1}).close()
    session = yield lambda: near.open("a")
    assert session["n"] == 1
    session["n"] = 2
    await session.close()
    assert plain.open("a", wait=0)["n"] == 2


async def open_in_line(near: Any, plain: SessionStore) -> Scene:
    held = plain.create("a", data={"n": 1})
    held["n"] = 2

    async def waiting_for_it() -> Any:
        closing = asyncio.get_running_loop().run_in_executor(None, close_when_awaited)
        session = await near.open("a", wait=20)
        await closing
        return session

    def close_when_awaited() -> None:
        wait_until(lambda: plain_waiting(plain), "somebody is in line")
        held.close()

    session = yield waiting_for_it
    assert session["n"] == 2
    await session.close()
    plain.open("a", wait=0)


def keys_of(plain: SessionStore, kind: str = "") -> Iterator[str]:
    """The keys of a store, on all nodes; `kind` is what follows the tag, such as `w:`."""
    pattern = f"{{{plain._requests.keys.prefix}:*}}{kind}*"
    for key in plain._driver._deployment.client.scan_iter(pattern, count=1000):
        yield key.decode()


def plain_waiting(plain: SessionStore) -> bool:
    client = plain._driver._deployment.client
    return any(client.llen(key) for key in keys_of(plain, "w:"))


def nothing_is_left(plain: SessionStore) -> None:
    """Check that nobody is in line, and that what is not known as permanent goes away."""
    assert not plain_waiting(plain)
    client = plain._driver._deployment.client
    keys = [key for key in keys_of(plain) if not PERMANENT.fullmatch(key)]
    assert not [key for key in keys if client.pttl(key) == -1], "it never expires"


async def save(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a", data={"n": 1, "gone": 1})
    session["n"] = 2
    yield session.save
    assert dict(plain.read("a")) == {"n": 2, "gone": 1}
    session["n"] = 3
    await session.close()
    assert plain.read("a")["n"] == 3


async def close(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a", data={"n": 1})
    session["n"] = 2
    yield session.close
    assert plain.open("a", wait=0)["n"] == 2


async def close_with_a_timeout(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a")
    yield lambda: session.close(timeout=77)
    assert plain.read("a").info.timeout.total_seconds() == 77


async def close_for_the_next(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a", data={"n": 1})
    session["n"] += 1
    loop = asyncio.get_running_loop()
    others = [loop.run_in_executor(None, add_one, plain) for _ in range(3)]
    await loop.run_in_executor(None, wait_until, lambda: plain_waiting(plain), "a waiter")
    yield session.close
    await asyncio.gather(*others)
    assert plain.read("a")["n"] == 5


def add_one(plain: SessionStore) -> None:
    with plain.open("a", wait=20) as session:
        session["n"] += 1


async def close_what_is_to_end(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a")
    assert plain.delete("a") is False
    yield session.close
    assert told(plain) == ["created", "ended"]


async def close_under_another_id_what_is_to_end(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a")
    assert plain.delete("a") is False
    yield lambda: session.close(id="b")
    assert told(plain) == ["created", "ended"]


async def close_under_another_id(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a", owner="ann", data={"n": 1})
    session["n"] = 2
    yield lambda: session.close(id="b")
    assert plain.open("b", owner="ann", wait=0)["n"] == 2
    with pytest.raises(SessionStoreError):
        plain.read("a", owner="ann")
    assert plain.count() == 1


async def close_for_another_owner(near: Any, plain: SessionStore) -> Scene:
    session = await near.create(owner="ann", data={"n": 1})
    session["n"] = 2
    yield lambda: session.close(owner="bob")
    assert plain.open(session.id, owner="bob", wait=0)["n"] == 2
    assert (plain.count("ann"), plain.count("bob"), plain.count()) == (0, 1, 1)


async def close_for_another_owner_with_seats(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_private=1, max_public=1, max_per_owner=1)
    session = await near.create("a", owner="ann")
    yield lambda: session.close(owner="*")
    assert (plain.count("ann"), plain.count("*"), plain.count()) == (0, 1, 1)
    plain.create("b", owner="ann")


async def discard(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a", data={"n": 1})
    session["n"] = 2
    yield session.discard
    assert plain.open("a", wait=0)["n"] == 1


LARGE = bytes(range(256)) * 5000
"""More than goes in one piece."""


def inner(session: Any) -> Any:
    """The session itself, whichever shell it is of."""
    return getattr(session, "_inner", session)


async def done(result: Any) -> None:
    if asyncio.iscoroutine(result):
        await result


async def replace_a_longstring(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_bytes=None)
    session = await near.create("a")
    text = inner(session).longstring("t")
    await done(text.append("old"))
    yield lambda: done(text.replace(LARGE))
    await session.close()
    with plain.open("a", wait=0) as after:
        assert after.longstring("t").read() == LARGE
    only_what_is_named_stays(plain)


async def replace_a_list(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a")
    yield lambda: done(inner(session).list("l").replace(range(1200)))
    await session.close()
    with plain.open("a", wait=0) as after:
        assert list(after.list("l").items()) == list(range(1200))
    only_what_is_named_stays(plain)


async def append_much(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_bytes=None)
    session = await near.create("a")
    text = inner(session).longstring("t")
    await done(text.append("old"))
    yield lambda: done(text.append(LARGE))
    await session.close()
    with plain.open("a", wait=0) as after:
        assert after.longstring("t").read() == b"old" + LARGE


async def save_documents(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_bytes=None)
    session = await near.create("a")
    for name, size in (("x", 1_200_000), ("y", 10)):
        root = etree.Element("a")
        root.text = "x" * size
        inner(session).put_document(name, etree.ElementTree(root))
    yield session.close
    with plain.open("a", wait=0) as after:
        assert [len(after.document(name).getroot().text) for name in "xy"] == [1_200_000, 10]
    only_what_is_named_stays(plain)


async def close_under_another_id_with_values(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_bytes=None)
    session = await near.create("a", owner="ann")
    await done(inner(session).longstring("t").replace(LARGE))
    await done(inner(session).list("l").replace(range(700)))
    yield lambda: session.close(id="b", owner="bob")
    with plain.open("b", owner="bob", wait=0) as after:
        assert after.longstring("t").read() == LARGE
        assert list(after.list("l").items()) == list(range(700))
    only_what_is_named_stays(plain)


def only_what_is_named_stays(plain: SessionStore) -> None:
    """Check that there are no values but those of sessions."""
    client = plain._driver._deployment.client
    held = [client.hgetall(key) for key in keys_of(plain) if "}s:" in key]
    named = {raw[:16].decode() for fields in held for at, raw in fields.items() if at[:1] == b":"}
    assert {key[-16:] for key in keys_of(plain) if "}v:" in key} == named


async def touch(near: Any, plain: SessionStore) -> Scene:
    plain.create("a", open=False)
    yield lambda: near.touch("a")
    plain.open("a", wait=0)


async def delete(near: Any, plain: SessionStore) -> Scene:
    plain.create("a", open=False)
    ended = yield lambda: near.delete("a")
    assert ended is True
    assert told(plain) == ["created", "ended"]


async def delete_with_a_seat(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_private=1)
    plain.create("a", open=False)
    yield lambda: near.delete("a")
    plain.create("b")


async def delete_what_is_open(near: Any, plain: SessionStore) -> Scene:
    session = plain.create("a")
    ended = yield lambda: near.delete("a")
    assert ended is False
    session.close()
    assert told(plain) == ["created", "ended"]


async def delete_by_the_holder(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a")
    yield session.delete
    assert told(plain) == ["created", "ended"]


async def end_all(near: Any, plain: SessionStore) -> Scene:
    for number in range(5):
        plain.create(f"s{number}", owner="ann", open=False)
    ended = yield lambda: near.end_all("ann", keep="s3")
    assert ended == 4
    assert told(plain).count("ended") == 4
    assert plain.count("ann") == 1


async def renew(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a")
    before = session.deadline
    yield session.renew
    assert session.deadline >= before
    await session.close()


async def configure(near: Any, plain: SessionStore) -> Scene:
    plain.create("a", open=False)
    found = yield lambda: near.configure(max_timeout=60, max_private=3)
    assert (found.max_timeout.total_seconds(), found.max_private) == (60, 3)
    assert plain.parameters == found
    for number in range(2):
        plain.create(f"s{number}")
    with pytest.raises(SessionStoreError):
        plain.create("one too many")


async def shared_save(near: Any, plain: SessionStore) -> Scene:
    plain.create("a", data={"n": 1, "m": 1}, open=False)
    session = await near.open("a", mode="shared")
    session["n"] = 2
    yield session.save
    assert dict(plain.read("a")) == {"n": 2, "m": 1}


async def sweep(near: Any, plain: SessionStore) -> Scene:
    for number in range(3):
        plain.create(f"s{number}", timeout=0.001, open=False)
    wait_until(lambda: plain.count() == 0, "they are due")
    ended = yield near.sweep
    assert 0 <= ended <= 3
    assert told(plain).count("expired") == 3
    assert plain.sweep() == 0


SCENES = (
    create_named, create_generated, create_closed, create_with_a_seat, create_evicting,
    open_free, open_in_line, save, close, close_with_a_timeout, close_for_the_next,
    close_what_is_to_end, close_under_another_id_what_is_to_end, close_under_another_id,
    close_for_another_owner, close_for_another_owner_with_seats, discard, touch, delete,
    delete_with_a_seat, delete_what_is_open, delete_by_the_holder, end_all, renew, configure,
    shared_save, sweep, replace_a_longstring, replace_a_list, append_much, save_documents,
    close_under_another_id_with_values,
)  # fmt: skip

QUICK_TO_DELAY = (create_named, open_free, save, close, close_under_another_id, delete, shared_save)


def begin(prefix: str, *stores: Any) -> None:
    """Move to a new store by the same connections: in a cluster they take long to make."""
    keys = Keyspace(prefix, BUCKETS)
    stores[0]._driver.run(start(keys))
    for store in stores:
        store._requests = Requests(keys)


class Stage:
    """Plays scenes, each in a store of its own, over connections that outlive what they suffer."""

    near: Any

    def __init__(self, shell: str, plain: SessionStore, proxy: Proxy, prefix: str) -> None:
        self.shell = shell
        self.plain = plain
        self.proxy = proxy
        self.prefix = prefix
        self.played = 0

    def run(self, play: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run in a loop of its own, with a store behind the proxy."""

        async def main() -> None:
            async with AsyncExitStack() as stack:
                self.near = await self._connected(stack)
                await play()

        asyncio.run(main())

    async def _connected(self, stack: AsyncExitStack) -> Any:
        for _ in range(10):  # a busy machine may take longer than is waited for an answer
            with suppress(StoreUnavailable):
                return await stack.enter_async_context(
                    connected(self.shell, self.proxy.url, self.prefix, BUCKETS)
                )
        raise AssertionError("there is no way through the proxy")

    async def play(self, scene: Callable[[Any, SessionStore], Scene], k: int, how: How) -> int:
        """Play a scene in which the k-th reply is lost; return how many calls there were."""
        self.played += 1
        begin(f"{self.prefix}-{self.played}", self.plain, getattr(self.near, "_inner", self.near))
        playing = scene(self.near, self.plain)
        call = await anext(playing)
        if k:
            self.proxy.lose(k, how=how)
        else:
            self.proxy.count()
        result = await call()
        calls = self.proxy.calls
        assert self.proxy.lost == (1 if 0 < k <= calls else 0)
        self.proxy.count()
        with pytest.raises(StopAsyncIteration):
            await playing.asend(result)
        nothing_is_left(self.plain)
        return calls


@pytest.fixture(scope="module")
def plain(place: Place) -> Iterator[SessionStore]:
    with SessionStore.connect(place.url, prefix=f"t{os.getpid()}", buckets=BUCKETS) as plain:
        yield plain


@pytest.fixture
def store(plain: SessionStore, proxy: Proxy, prefix: str) -> Iterator[SessionStore]:
    proxy.count()
    begin(prefix, plain)
    yield plain
    nothing_is_left(plain)


@pytest.fixture
def stage(request: pytest.FixtureRequest, store: SessionStore, proxy: Proxy, prefix: str) -> Stage:
    return Stage(request.param, store, proxy, prefix)


on_both_shells = pytest.mark.parametrize("stage", SHELLS, indirect=True)


@on_both_shells
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_call_has_one_effect_and_succeeds_whichever_reply_is_cut(
    stage: Stage, scene: Callable[[Any, SessionStore], Scene]
) -> None:
    async def play() -> None:
        await stage.play(scene, 0, "cut")  # now the server knows the scripts
        calls = await stage.play(scene, 0, "cut")
        assert calls
        for k in range(1, calls + 1):
            await stage.play(scene, k, "cut")

    stage.run(play)


@on_both_shells
@pytest.mark.parametrize("how", [how for how in HOW if how != "cut"])
@pytest.mark.parametrize("scene", QUICK_TO_DELAY, ids=lambda scene: scene.__name__)
def test_a_call_has_one_effect_and_succeeds_whichever_reply_comes_too_late(
    stage: Stage,
    scene: Callable[[Any, SessionStore], Scene],
    how: How,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (connect, exchange):
        monkeypatch.setattr(module, "ANSWER_WITHIN", SHORT)

    async def play() -> None:
        await stage.play(scene, 0, "cut")
        calls = await stage.play(scene, 0, "cut")
        for k in range(1, calls + 1):
            await stage.play(scene, k, how)

    stage.run(play)


@on_both_shells
@pytest.mark.parametrize("scene", QUICK_TO_DELAY, ids=lambda scene: scene.__name__)
def test_a_call_whose_every_reply_is_lost_says_that_its_outcome_is_unknown(
    stage: Stage, scene: Callable[[Any, SessionStore], Scene]
) -> None:
    async def play() -> None:
        call = await anext(playing := scene(stage.near, stage.plain))
        stage.proxy.lose(1, times=100)
        with pytest.raises(StoreUnavailable) as caught:
            await call()
        stage.proxy.count()
        assert caught.value.unknown
        await playing.aclose()

    stage.run(play)


# What happens between the lost answer and the second sending makes these more than repetitions.


@pytest.fixture
def near(proxy: Proxy, prefix: str, store: SessionStore) -> Iterator[SessionStore]:
    """A store behind the proxy; the scripts that it sends are known to the server."""
    with SessionStore.connect(proxy.url, prefix=prefix, buckets=BUCKETS) as near:
        session = near.create("warm", data={"n": 1})
        session.save()
        session.close()
        near.delete("warm")
        near.create("warm", open=False)
        with near.open("warm", mode="shared") as shared:
            shared["n"] = 2
        yield near


def test_a_shared_save_lands_once_though_another_writer_saves_before_it_is_sent_again(
    near: SessionStore, store: SessionStore, proxy: Proxy
) -> None:
    store.create("a", data={"n": 0}, open=False)

    def another_writer() -> None:
        with store.open("a", mode="shared") as other:
            other["n"] += 1

    added = 0
    for _ in range(2):
        session = near.open("a", mode="shared")
        session["n"] += 1
        if not added:
            proxy.lose(1, then=another_writer)
        try:
            session.save()
        except Conflict:
            continue  # it says that nothing was saved, so it is repeated
        added += 1
        break
    assert added == 1
    assert store.read("a")["n"] == 2


def test_a_shared_save_lands_once_though_the_session_is_opened_before_it_is_sent_again(
    near: SessionStore, store: SessionStore, proxy: Proxy
) -> None:
    store.create("a", data={"n": 0}, open=False)
    session = near.open("a", mode="shared")
    session["n"] += 1
    proxy.lose(1, then=lambda: store.open("a", wait=0))
    session.save()
    assert store.read("a")["n"] == 1


def test_a_save_that_landed_is_no_lost_lease_though_the_lease_ends_before_it_is_sent_again(
    near: SessionStore, store: SessionStore, proxy: Proxy
) -> None:
    store.create("a", data={"n": 0}, open=False)
    session = near.open("a", lease=0.3)
    session["n"] += 1
    renew_no_more(near)
    free = partial(wait_until, lambda: store.read("a").info.holder is None, "the lease ends")
    proxy.lose(1, then=free)
    try:
        session.save()
    except LeaseLost:
        assert store.read("a")["n"] == 0
    else:
        assert store.read("a")["n"] == 1


def test_a_close_that_landed_is_a_success_though_others_had_the_session_before_it_is_sent_again(
    near: SessionStore, store: SessionStore, proxy: Proxy
) -> None:
    session = near.create("a", data={"n": 0})
    session["n"] += 1

    def another_holder() -> None:
        with store.open("a", wait=0) as other:
            other["n"] += 1

    proxy.lose(1, then=another_holder)
    session.close()
    assert store.read("a")["n"] == 2


def test_a_close_that_landed_is_a_success_though_the_session_ended_before_it_is_sent_again(
    near: SessionStore, store: SessionStore, proxy: Proxy
) -> None:
    session = near.create("a", data={"n": 0})
    session["n"] += 1
    proxy.lose(1, then=lambda: store.delete("a"))
    session.close()


def test_a_create_is_not_done_again_though_the_session_was_deleted_before_it_is_sent_again(
    near: SessionStore, store: SessionStore, proxy: Proxy
) -> None:
    proxy.lose(1, then=lambda: store.delete("a"))
    with suppress(SessionEnded):
        near.create("a", open=False)
    assert told(store, "a") == ["created", "ended"]
    with pytest.raises(SessionEnded):
        store.read("a")


def test_a_delete_is_a_success_though_the_name_was_taken_again_before_it_is_sent_again(
    near: SessionStore, store: SessionStore, proxy: Proxy
) -> None:
    store.create("a", open=False)
    proxy.lose(1, then=lambda: store.create("a", open=False))
    near.delete("a")
    assert told(store, "a") == ["created", "ended", "created"]
    store.read("a")


def test_an_open_that_is_refused_when_sent_again_says_that_its_outcome_is_unknown(
    own_server: Standalone, prefix: str
) -> None:
    def fill() -> None:
        own_server.ask("CONFIG", "SET", "maxmemory", "1")

    with (
        Proxy(own_server.url) as proxy,
        SessionStore.connect(proxy.url, prefix=prefix, buckets=BUCKETS) as store,
    ):
        store.create("a").close()
        store.open("a").close()
        proxy.lose(1, then=fill)
        with pytest.raises(StoreUnavailable) as caught:
            store.open("a")
        assert caught.value.unknown
