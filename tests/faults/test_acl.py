"""The least that a user of the server must be allowed, and proof that it is enough and no more.

What is refused, is refused also from within a script: a script may do what its caller may.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
import redis

from sessionstore import AsyncSessionStore, ConfigError, SessionInUse, SessionStore
from sessionstore._core import scripts
from tests.faults.awaited import SHELLS, connected
from tests.faults.checks import BUCKETS, waiting
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from tests.support.servers import Standalone

COMMANDS = [
    "hello",
    "auth",
    "ping",
    "client|setinfo",
    "client|setname",
    "info",
    "evalsha",
    "eval",
    "blpop",
    "time",
    "del",
    "get",
    "set",
    "unlink",
    "hget",
    "hgetall",
    "hmget",
    "hset",
    "hsetnx",
    "hdel",
    "hstrlen",
    "hkeys",
    "hexists",
    "hlen",
    "zadd",
    "zrem",
    "zremrangebyscore",
    "zcard",
    "zcount",
    "zrange",
    "zscan",
    "zscore",
    "lrange",
    "llen",
    "lpush",
    "lrem",
    "rpush",
    "lset",
    "lindex",
    "linsert",
    "ltrim",
    "setrange",
    "getrange",
    "strlen",
    "pexpiretime",
    "sadd",
    "sismember",
    "srem",
    "srandmember",
    "xadd",
    "xrange",
    "xrevrange",
    "pexpire",
    "pexpireat",
    "exists",
    "hincrby",
    "scard",
    "zpopmin",
    "zrank",
    "zremrangebyrank",
    "spublish",
    "ssubscribe",
    "sunsubscribe",
]
"""Every command that the library and its scripts use; `client|setinfo` is unknown to Redis 7.0."""

RULE = "on >{password} resetkeys ~{{{prefix}:* resetchannels &{{{prefix}:* -@all " + " ".join(
    f"+{word}" for word in COMMANDS
)
"""`ACL SETUSER app RULE`, with a password, and the prefix of the store (the default is `ss`)."""

OPTIONAL = {"info", "client|setinfo"}
"""What the library can do without: then no version is checked, and none is told."""

ON_A_CLUSTER = "+cluster|slots +cluster|shards +cluster|nodes +command"


def allow(server: Standalone, prefix: str, *, without: str | None = None) -> str:
    """Make the user; return the URL to log in with."""
    rule = RULE.format(password="secret", prefix=prefix).split()
    server.ask("ACL", "SETUSER", "app", "reset", *(word for word in rule if word != f"+{without}"))
    return server.url.replace("//", "//app:secret@")


async def everything(store: Any) -> None:
    """Go through the whole public face."""
    await store.configure(
        max_timeout=600, max_per_owner=3, max_private=5, max_public=5, at_limit="evict", lease=5
    )
    first = await store.create("a", owner="ann", lifetime=500, data={"n": 1, "m": 1})
    first["n"] = 2
    await first.save()
    await first.renew()
    with pytest.raises(SessionInUse):
        await store.open("a", owner="ann", wait=0.05)
    await first.close(timeout=300)
    for number in range(4):
        await store.create(owner="ann", open=False, data={"n": number})
    for number in range(6):
        await store.create(f"p{number}", owner="*", open=False)
    assert await store.count() == 8
    session = await store.create("b", owner="bob", data={"n": 1})
    await session.close(id="c", owner="carol")
    shared = await store.open("c", owner="carol", mode="shared")
    shared["n"] = 3
    await shared.save()
    reading = await store.open("c", owner="carol", mode="read")
    assert reading["n"] == 3
    await store.touch("c", owner="carol")
    assert (await store.read("c", owner="carol"))["n"] == 3
    held = await store.open("c", owner="carol", fields=["n"])
    assert await store.delete("c", owner="carol") is False
    await held.close()
    assert await store.delete("p5", owner="*") is True
    assert await store.end_all("ann") > 0
    await store.configure(max_timeout=0.01, max_private=None, max_public=None)
    await store.sweep()
    assert await store.count() == 0


@pytest.mark.parametrize("shell", SHELLS)
def test_the_minimal_rule_is_enough_for_the_whole_public_face(
    own_server: Standalone, prefix: str, shell: str
) -> None:
    async def main() -> None:
        async with connected(shell, allow(own_server, prefix), prefix, BUCKETS) as store:
            await everything(store)

    asyncio.run(main())
    with SessionStore.connect(allow(own_server, prefix), prefix=prefix, buckets=BUCKETS) as store:
        assert list(store.list()) == []
        assert {"created", "ended", "evicted", "moved"} <= {event.kind for event in store.events()}


def test_the_minimal_rule_is_enough_to_wait_in_line(own_server: Standalone, prefix: str) -> None:
    url = allow(own_server, prefix)

    async def main() -> None:
        async with AsyncSessionStore.connect(url, prefix=prefix, buckets=BUCKETS) as store:
            held = await store.create("a")
            waiter = asyncio.ensure_future(store.open("a", wait=20))
            await asyncio.to_thread(
                wait_until, lambda: waiting(own_server, prefix), "it is in line"
            )
            await held.close()
            await (await waiter).close()

    asyncio.run(main())


def test_every_command_of_the_rule_is_needed(own_server: Standalone, prefix: str) -> None:
    used = {
        name.lower()
        for script in map(scripts.load, scripts.names())
        for name in re.findall(r"redis\.call\('(\w+)'", script.text)
    }
    from_python = {"hello", "auth", "ping", "evalsha", "eval", "blpop", "client|setname"} | OPTIONAL
    from_python |= {"ssubscribe", "sunsubscribe"}
    assert set(COMMANDS) == used | from_python


@pytest.mark.parametrize("without", sorted(OPTIONAL))
def test_what_is_optional_can_be_denied(own_server: Standalone, prefix: str, without: str) -> None:
    url = allow(own_server, prefix, without=without)
    with SessionStore.connect(url, prefix=prefix, buckets=BUCKETS) as store:
        store.create("a").close()


def test_a_missing_permission_is_a_clear_error(own_server: Standalone, prefix: str) -> None:
    url = allow(own_server, prefix, without="xadd")
    with (
        SessionStore.connect(url, prefix=prefix, buckets=BUCKETS) as store,
        pytest.raises(ConfigError, match="permission"),
    ):
        store.create("a")
    with pytest.raises(ConfigError, match="permission"):
        SessionStore.connect(allow(own_server, prefix), prefix="another", buckets=BUCKETS)


def test_foreign_keys_and_dangerous_commands_are_refused_outright_and_within_scripts(
    own_server: Standalone, prefix: str
) -> None:
    own_server.ask("SET", "foreign", "1")
    own_server.ask("SET", f"{{{prefix}2:AA}}s:x", "1")
    with redis.Redis.from_url(allow(own_server, prefix), protocol=2) as user:
        for words in (
            ("GET", "foreign"),
            ("SET", "foreign", "2"),
            ("GET", f"{{{prefix}2:AA}}s:x"),
            ("CONFIG", "GET", "*"),
            ("CONFIG", "SET", "maxmemory", "1"),
            ("KEYS", "*"),
            ("SCAN", "0"),
            ("FLUSHALL",),
            ("FLUSHDB",),
            ("SCRIPT", "FLUSH"),
            ("FUNCTION", "LIST"),
            ("ACL", "LIST"),
            ("SHUTDOWN",),
            ("CLIENT", "LIST"),
            ("SELECT", "1"),
            ("MONITOR",),
            ("EVAL", "return redis.call('GET', KEYS[1])", "1", "foreign"),
        ):
            with pytest.raises(redis.exceptions.NoPermissionError):
                user.execute_command(*words)
        for text in (
            "redis.call('GET', 'foreign')",
            "redis.call('FLUSHALL')",
            "redis.call('KEYS', '*')",
        ):
            with pytest.raises(redis.exceptions.ResponseError, match=r"ACL|ermission|can't"):
                user.execute_command("EVAL", f"return {text}", "0")
    assert own_server.ask("GET", "foreign") == "1"
