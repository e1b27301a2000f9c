"""Who acts may see and do what is its own or public; of the rest it does not even know."""

from __future__ import annotations

from typing import Any

import pytest

from sessionstore import ConfigError, NotPermitted, SessionEnded, SessionInUse, SessionNotFound


async def ids(listing: Any) -> list[str]:
    return sorted([info.id async for info in listing])


@pytest.fixture
def alice(store: Any) -> Any:
    return store.as_user("alice")


async def test_a_user_creates_and_finds_its_own_without_saying_whose(
    store: Any, alice: Any
) -> None:
    session = await alice.create(id="a")
    assert session.owner == "alice"
    await session.close()
    assert (await store.read("a", owner="alice")).owner == "alice"
    await (await alice.open("a")).close()
    await alice.touch("a")
    assert await alice.delete("a")
    generated = await alice.create()
    await generated.close()
    await (await alice.open(generated.id)).close()


async def test_a_user_works_with_public_sessions(store: Any, alice: Any) -> None:
    await (await alice.create(id="p", owner="*")).close()
    generated = await store.create(owner="*", open=False)
    async with alice.open("p", owner="*") as session:
        session["n"] = 1
    async with alice.open(generated.id) as session:
        session["n"] = 1
    assert await alice.count("*") == 2
    assert await alice.delete("p", owner="*")


@pytest.mark.parametrize("generated", [True, False])
async def test_what_is_somebody_elses_is_not_found(store: Any, alice: Any, generated: bool) -> None:
    for owner in ("bob", ""):
        id = None if generated else "b"
        session = await store.create(id=id, owner=owner, data={"n": 1}, open=False)
        for call in (alice.read, alice.touch, alice.delete):
            with pytest.raises(SessionNotFound):
                await call(session.id)
            with pytest.raises(SessionNotFound):
                await call(session.id, owner)
        for mode in ("exclusive", "read", "shared"):
            with pytest.raises(SessionNotFound):
                await alice.open(session.id, mode=mode)
            with pytest.raises(SessionNotFound):
                await alice.open(session.id, owner, mode=mode)
        await store.delete(session.id, owner)
        with pytest.raises(SessionNotFound):  # not even that it was there
            await alice.read(session.id)
        with pytest.raises(SessionEnded):
            await store.read(session.id, owner)


async def test_a_user_lists_and_counts_only_what_it_may_see(store: Any, alice: Any) -> None:
    for owner, id in [("alice", "a"), ("bob", "b"), ("*", "p"), ("", "v")]:
        await store.create(id=id, owner=owner, open=False)
    assert await ids(alice.list()) == ["a", "p"]
    assert await ids(alice.list("alice")) == ["a"]
    assert await ids(alice.list("*")) == ["p"]
    assert await ids(alice.list("bob")) == await ids(alice.list("")) == []
    assert await alice.count() == await alice.count("alice") == await alice.count("*") == 1
    for owner in ("bob", ""):
        with pytest.raises(NotPermitted) as caught:
            await alice.count(owner)
        assert caught.value.user == "alice"


async def test_a_user_may_not_act_for_others(store: Any, alice: Any) -> None:
    await store.create(id="b", owner="bob", open=False)
    for owner in ("bob", ""):
        with pytest.raises(NotPermitted):
            await alice.create(owner=owner)
        with pytest.raises(ConfigError if owner == "" else NotPermitted):
            await alice.end_all(owner)
        session = await alice.create()
        with pytest.raises(NotPermitted):
            await session.close(owner=owner)
        assert session.is_open
        await session.delete()
    with pytest.raises(NotPermitted):
        await alice.configure(timeout=5)
    assert await store.count() == 1
    assert (await alice.parameters()).timeout.total_seconds() == 900


async def test_a_user_gives_its_session_to_all_and_takes_it_back(alice: Any) -> None:
    session = await alice.create(id="a")
    await session.close(owner="*")
    session = await alice.open("a", owner="*")
    await session.close(owner="alice")
    assert (await alice.read("a")).owner == "alice"


async def test_a_privileged_user_acts_for_everybody(store: Any) -> None:
    root = store.as_user("root", privileged=True)
    for owner, id in [("bob", "b"), ("", "v")]:
        await (await root.create(id=id, owner=owner)).close()
        await (await root.open(id, owner=owner)).close()
    assert (await root.create(id="r", open=False)).owner == "root"
    assert await ids(root.list()) == ["b", "r", "v"]
    assert await root.count() == 3
    assert await root.end_all("bob") == 1
    assert await root.delete("v", owner="")
    assert (await root.configure(timeout=5)).timeout.total_seconds() == 5


async def test_views_share_the_store_and_differ_in_who_acts(store: Any, alice: Any) -> None:
    await (await alice.create(id="x")).close()
    bob = store.as_user("bob")
    with pytest.raises(SessionNotFound):
        await bob.read("x")
    await (await bob.create(id="x")).close()
    assert await store.count() == 2


@pytest.mark.parametrize("user", ["", "*", "{a}", "a\nb", "x" * 256])
def test_what_cannot_be_a_user_is_refused(store: Any, user: str) -> None:
    with pytest.raises(ConfigError):
        store.as_user(user)


async def test_a_view_may_say_who_opens(store: Any) -> None:
    view = store.as_user("alice", label="till 7")
    session = await view.create(id="x")
    assert session.holder == "till 7"
    with pytest.raises(SessionInUse) as caught:
        await store.open("x", owner="alice")
    assert caught.value.holder == "till 7"
    with pytest.raises(ConfigError, match="label"):
        store.as_user("alice", label="\n")
