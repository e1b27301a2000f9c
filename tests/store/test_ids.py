"""Ids: given or generated, unique where they should be, and hostile ones do no harm."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sessionstore import ConfigError, SessionExists, SessionNotFound
from tests.support.worlds import World

HOSTILE = [
    " ",
    "a b",
    ":",
    "::",
    "a:b:c",
    "%3A",
    "100%",
    "{x}",
    "}{",
    "{",
    "*",
    "?",
    "-",
    ".",
    "'; DROP TABLE sessions --",
    "häß/😀",
    "\\n",
    "0",
    "é" * 127,
    "x" * 255,
    "AA.tooShortToBeGenerated"[:-2],
]

OWNERS = ["alice", "", "*", "-", "a:b", "a%3Ab", "a%b", "häß 😀", "x" * 255]


async def test_a_generated_id_names_its_bucket_and_has_132_random_bits(
    store: Any, world: World
) -> None:
    seen = set()
    for owner in (None, "", "*", "alice"):
        for _ in range(3):
            session = await store.create(owner=owner, open=False)
            assert re.fullmatch(r"[A-Za-z0-9_-]{2}\.[A-Za-z0-9_-]{22}", session.id)
            assert session.sid == session.id
            assert session.id[:2] in {bucket.name for bucket in world.keys.buckets}
            seen.add(session.id)
    assert len(seen) == 12


async def test_sessions_of_one_owner_share_a_bucket(store: Any) -> None:
    made = [await store.create(owner="alice", open=False) for _ in range(8)]
    assert len({session.id[:2] for session in made}) == 1


async def test_a_generated_id_is_found_with_and_without_its_owner(store: Any) -> None:
    session = await store.create(owner="alice", data={"n": 1}, open=False)
    assert (await store.read(session.id))["n"] == 1
    assert (await store.read(session.id, owner="alice"))["n"] == 1
    for other in ("bob", "*", "", "-"):
        with pytest.raises(SessionNotFound):
            await store.read(session.id, owner=other)


async def test_a_name_is_taken_once_for_each_owner(store: Any) -> None:
    owners = ("alice", "bob", "*", "")
    for owner in owners:
        await store.create(id="desk", owner=owner, data={"of": owner}, open=False)
    for owner in owners:
        with pytest.raises(SessionExists) as caught:
            await store.create(id="desk", owner=owner)
        assert caught.value.id == "desk"
        assert (await store.read("desk", owner=owner))["of"] == owner
    assert await store.count() == 4


@pytest.mark.parametrize("id", HOSTILE, ids=[f"{n}" for n in range(len(HOSTILE))])
async def test_a_hostile_id_is_an_id_like_any_other(store: Any, id: str) -> None:
    for owner in ("alice", "*", ""):
        session = await store.create(id=id, owner=owner, data={"of": owner})
        assert session.id == id
        session["n"] = 1
        await session.close()
        async with store.open(id, owner=owner) as again:
            assert dict(again) == {"of": owner, "n": 1}
        assert [info.id async for info in store.list(owner)] == [id]
        await store.touch(id, owner)
    assert [info.id async for info in store.list()] == [id] * 3
    for owner in ("alice", "*", ""):
        assert await store.delete(id, owner)
    assert await store.count() == 0


async def test_no_two_pairs_of_owner_and_name_meet(store: Any) -> None:
    for owner in OWNERS:
        for id in ("n", "b:n", "3Ab:n"):
            await store.create(id=id, owner=owner, data={"who": [owner, id]}, open=False)
    for owner in OWNERS:
        for id in ("n", "b:n", "3Ab:n"):
            assert (await store.read(id, owner))["who"] == [owner, id]
        assert await store.count(owner) == 3
        listed = sorted([(info.owner, info.id) async for info in store.list(owner)])
        assert listed == [(owner, "3Ab:n"), (owner, "b:n"), (owner, "n")]
    assert await store.count() == 3 * len(OWNERS)


async def test_an_id_that_looks_generated_cannot_be_given(store: Any) -> None:
    with pytest.raises(ConfigError, match="generated"):
        await store.create(id="AA.0123456789012345678901")
    assert await store.count() == 0


@pytest.mark.parametrize("id", ["", "x" * 256, "é" * 128, "a\nb", "a\x00b", "\ud800", "a\u2028b"])
async def test_what_cannot_be_an_id_is_refused(store: Any, id: str) -> None:
    with pytest.raises(ConfigError):
        await store.create(id=id)
    with pytest.raises(ConfigError):
        await store.open(id)
    for call in (store.read, store.touch, store.delete):
        with pytest.raises(ConfigError):
            await call(id)
    assert await store.count() == 0


@pytest.mark.parametrize("owner", ["{a}", "a}", "a\nb", "\x7f", "x" * 256, "\ud800", 5])
async def test_what_cannot_be_an_owner_is_refused(store: Any, owner: Any) -> None:
    with pytest.raises(ConfigError):
        await store.create(owner=owner)
    for call in (store.read, store.touch, store.delete):
        with pytest.raises(ConfigError):
            await call("a", owner)
    with pytest.raises(ConfigError):
        await store.count(owner)
    with pytest.raises(ConfigError):
        await store.end_all(owner)
    assert await store.count() == 0
