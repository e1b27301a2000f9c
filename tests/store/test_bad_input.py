"""What makes no sense is refused with a clear error, and nothing is half written."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from sessionstore import (
    AsyncSessionStore,
    ConfigError,
    SessionStore,
    StoreUnavailable,
    TypeRefused,
    ValueTooLarge,
)
from tests.support.servers import free_port
from tests.support.worlds import World

NONSENSE = [-1, -0.001, math.nan, math.inf, -math.inf, 1e18, "5", True, timedelta(days=-1), [5]]
DURATIONS = pytest.mark.parametrize("value", NONSENSE, ids=repr)


@DURATIONS
async def test_durations_that_make_no_sense_are_refused(store: Any, value: Any) -> None:
    for name in ("timeout", "lifetime"):
        with pytest.raises(ConfigError, match=name):
            await store.create(id="a", **{name: value})
    session = await store.create(id="b", data={"n": 1})
    for name in ("wait", "lease"):
        with pytest.raises(ConfigError, match=name):
            await store.open("b", **{name: value})
    with pytest.raises(ConfigError, match="wait"):
        await store.delete("b", wait=value)
    with pytest.raises(ConfigError, match="timeout"):
        await session.close(timeout=value)
    assert session.is_open
    await session.close()
    assert await store.count() == 1


async def test_a_lease_or_lifetime_of_nought_is_refused(store: Any) -> None:
    with pytest.raises(ConfigError, match="lifetime"):
        await store.create(lifetime=0)
    with pytest.raises(ConfigError, match="lease"):
        await store.open("a", lease=0)


async def test_a_value_that_is_not_stored_is_refused_with_the_path_to_it(
    store: Any, world: World
) -> None:
    bad = {"rows": [1, {"x": object()}]}
    with pytest.raises(TypeRefused) as caught:
        await store.create(id="a", data={"fine": 1, "cart": bad})
    assert caught.value.path == "cart['rows'][1]['x']"
    assert await store.count() == 0
    assert not world.fields(":a")

    session = await store.create(id="a", data={"n": 1})
    session["n"] = 2
    with pytest.raises(TypeRefused) as caught:
        session["cart"] = bad
    assert caught.value.path == "cart['rows'][1]['x']"
    assert "cart" not in session
    session["cart"] = {"rows": [1, {}]}
    session["cart"]["rows"][1]["x"] = object()
    with pytest.raises(TypeRefused) as caught:
        await session.save()
    assert caught.value.path == "cart['rows'][1]['x']"
    assert dict(await store.read("a")) == {"n": 1}
    del session["cart"]
    await session.close()
    assert dict(await store.read("a")) == {"n": 2}


async def test_leaving_the_block_with_a_bad_value_gives_the_session_back(store: Any) -> None:
    with pytest.raises(TypeRefused):
        async with await store.create(id="a", data={"n": 1}) as session:
            session["list"] = [object()]
    async with store.open("a", wait=0) as session:
        assert dict(session) == {"n": 1}


async def test_more_than_a_mebibyte_is_refused_by_default(store: Any) -> None:
    async with await store.create(id="a", data={"x": b"x" * ((1 << 20) - 100)}) as session:
        session["y"] = b"y" * 200
        with pytest.raises(ValueTooLarge) as caught:
            await session.close()
        assert caught.value.limit == 1 << 20
        del session["y"]
    await store.configure(max_bytes=None)
    async with store.open("a") as session:
        session["y"] = b"y" * (1 << 20)


@pytest.mark.parametrize("reason", ["", "a\nb", "x" * 300])
async def test_a_reason_is_a_line_of_text(store: Any, reason: str) -> None:
    with pytest.raises(ConfigError, match="reason"):
        await store.end_all("alice", reason=reason)


BAD_URLS = [
    "",
    "redis",
    "http://localhost",
    "localhost:6379",
    "redis://localhost:port",
    "redis://localhost:99999999",
    "redis+sentinel://localhost",
    "redis+sentinel:///mymaster",
    "redis+cluster://",
    "embedded://host/dir",
    "redis://localhost?foo=1",
    "redis://localhost?socket_timeout=1",
    "rediss://localhost?foo",
    "unix:///socket?tls=yes",
    "redis+sentinel://localhost/mymaster?database=1",
    "redis+cluster://localhost?tls=on",
    None,
    5,
]


@pytest.mark.parametrize("url", BAD_URLS, ids=repr)
def test_a_wrong_url_is_refused(url: Any) -> None:
    with pytest.raises(ConfigError):
        SessionStore.connect(url)


@pytest.mark.parametrize("url", BAD_URLS, ids=repr)
async def test_a_wrong_url_is_refused_in_asyncio(runner: Any, url: Any) -> None:
    with pytest.raises(ConfigError):
        await AsyncSessionStore.connect(url)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix", "redis+sentinel", "redis+cluster"])
def test_an_option_that_a_url_does_not_have_is_refused_and_those_it_has_are_named(
    scheme: str,
) -> None:
    """Its own name may be a part of a password that was not escaped."""
    with pytest.raises(ConfigError, match="tls=yes") as caught:
        SessionStore.connect(f"{scheme}://localhost/mymaster?pasword=secret&tls=other")
    for part in ("pasword", "secret", "other"):
        assert part not in str(caught.value)


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
async def test_a_server_that_is_not_there_is_a_clear_error(runner: Any, scheme: str) -> None:
    url = f"{scheme}://127.0.0.1:{free_port()}"
    with pytest.raises(StoreUnavailable, match="reach"):
        SessionStore.connect(url)
    with pytest.raises(StoreUnavailable, match="reach"):
        await AsyncSessionStore.connect(url)


@pytest.mark.parametrize("prefix", ["", "a:b", "{a}", "a}", "a\nb"])
def test_a_prefix_that_cannot_be_one_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigError, match="prefix"):
        SessionStore.connect("redis://127.0.0.1", prefix=prefix)


@pytest.mark.parametrize("buckets", [0, -1, 4097])
def test_a_number_of_buckets_out_of_range_is_refused(buckets: int) -> None:
    with pytest.raises(ConfigError, match="buckets"):
        SessionStore.connect("redis://127.0.0.1", buckets=buckets)
