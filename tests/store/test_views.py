"""Every public method by every kind of view: what is allowed, what is refused, what is left out.

The views: the application itself, a privileged user, and a plain one, who is alice. The sessions:
alice's own, a public one, bob's, and an anonymous one. A method that is in no table fails here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping
from functools import partial
from typing import Any

import pytest

from sessionstore import (
    Atomic,
    ConfigError,
    Events,
    Longstring,
    NotPermitted,
    Session,
    SessionEnded,
    SessionList,
    SessionNotFound,
    SessionStore,
    Snapshot,
)
from tests.support.worlds import World

OWNERS = {"own": "alice", "public": "*", "bob's": "bob", "anonymous": ""}
PLAIN_MAY = ("own", "public")
VIEWS: dict[str, Callable[[Any], Any]] = {
    "application": lambda store: store,
    "privileged": lambda store: store.as_user("root", privileged=True),
    "plain": lambda store: store.as_user("alice"),
}

# What is meant is one session: if the view may not know of it, it is not there.


async def opened(view: Any, id: str, owner: str | None, mode: str) -> None:
    session = await view.open(id, owner, mode=mode)
    if mode != "read":
        session["n"] = 2
        await session.save()
    await session.close()


async def added(view: Any, id: str, owner: str | None) -> None:
    await view.atomic(id, owner).add("n")


ONE_SESSION: dict[str, tuple[Callable[..., Any], ...]] = {
    "read": (lambda view, id, owner: view.read(id, owner),),
    "open": tuple(partial(opened, mode=mode) for mode in ("exclusive", "read", "shared")),
    "touch": (lambda view, id, owner: view.touch(id, owner),),
    "atomic": (added,),
    "delete": (lambda view, id, owner: view.delete(id, owner),),
}

# What is meant are the sessions of an owner: what is refused does not tell whether there are any.


async def created(view: Any, owner: str) -> None:
    assert (await view.create(owner=owner, open=False)).owner == owner


async def counted(view: Any, owner: str) -> None:
    assert await view.count(owner) == 1


async def ended(view: Any, owner: str) -> None:
    assert await view.end_all(owner) == 1


async def closed(view: Any, owner: str) -> None:
    session = await view.create(owner="alice")
    await session.close(owner=owner)
    assert session.owner == owner


AN_OWNER: dict[str, Callable[..., Any]] = {"create": created, "count": counted, "end_all": ended}

# The store as a whole is for the application.


async def swept(view: Any) -> None:
    await view.sweep()
    await view.sweep(buckets=1)


async def configured(view: Any) -> None:
    await view.configure(timeout=100)


async def acts_for_others(view: Any) -> None:
    view.as_user("bob")


async def acts_for_all(view: Any) -> None:
    view.as_user("alice", privileged=True)


THE_STORE: dict[str, tuple[Callable[..., Any], ...]] = {
    "sweep": (swept,),
    "configure": (configured,),
    "as_user": (acts_for_others, acts_for_all),
}

LISTED = {"list", "events"}
"""What shows many sessions shows those that the view may know of."""

NO_SESSION = {"connect", "label", "parameters", "now", "close"}
"""These are about no session; all views share the connections that `close` closes."""

BY_WHO_HAS_IT: dict[type, set[str]] = {
    Session: {
        "id", "sid", "owner", "fence", "holder", "timeout", "created", "last_activity", "deadline",
        "waited", "mode", "is_open", "lifetime", "set", "set_aside", "kept", "save",
        "renew", "close", "discard", "delete", "list", "longstring", "document", "put_document",
        "drop_document",
    },
    SessionList: {
        "name", "append", "page", "items", "get", "set", "insert", "remove", "replace", "sort",
        "count", "drop",
    },
    Longstring: {"name", "read", "write", "append", "replace", "size", "drop"},
    Atomic: {"add", "append", "set_if", "take"},
    Snapshot: {"id", "owner", "set_aside", "kept"},
    Events: {"cursor"},
}  # fmt: skip
"""What a view has been given it may use; a session for as long as it is the same one."""


def members(kind: type) -> set[str]:
    of_a_mapping = set(dir(MutableMapping)) if issubclass(kind, Mapping) else set()
    return {name for name in dir(kind) if not name.startswith("_")} - of_a_mapping


def test_every_method_of_the_store_is_in_one_of_the_tables() -> None:
    tables = [*ONE_SESSION, *AN_OWNER, *THE_STORE, *LISTED, *NO_SESSION]
    assert sorted(tables) == sorted(members(SessionStore))


@pytest.mark.parametrize("kind", BY_WHO_HAS_IT, ids=lambda kind: kind.__name__)
def test_every_method_of_what_the_store_gives_is_in_the_table(kind: type) -> None:
    assert members(kind) == BY_WHO_HAS_IT[kind]


@pytest.fixture(params=VIEWS)
def view(request: pytest.FixtureRequest, store: Any) -> tuple[str, Any]:
    return request.param, VIEWS[request.param](store)


async def text_of(call: Any, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        await call()
    assert type(caught.value) is kind
    return str(caught.value)


def ways_to_ask(owner: str) -> list[tuple[str | None, str | None]]:
    """Return names for a session, and whose it is said to be; None: generated, and not said."""
    return [("a", owner), (None, owner), (None, None)]


@pytest.mark.parametrize("method", ONE_SESSION)
async def test_one_session(store: Any, view: tuple[str, Any], method: str) -> None:
    kind, acting = view
    for whose, owner in OWNERS.items():
        for call in ONE_SESSION[method]:
            for name, asked in ways_to_ask(owner):
                session = await store.create(id=name, owner=owner, data={"n": 1}, open=False)
                if kind != "plain" or whose in PLAIN_MAY:
                    await call(acting, session.id, asked)
                else:
                    told = await text_of(partial(call, acting, session.id, asked), SessionNotFound)
                    assert dict(await store.read(session.id, owner)) == {"n": 1}
                    await store.delete(session.id, owner)
                    assert told == await text_of(
                        partial(call, acting, session.id, asked), SessionNotFound
                    )
                if [info async for info in store.list()]:
                    await store.delete(session.id, owner)


@pytest.mark.parametrize("method", [*AN_OWNER, "close"])
async def test_the_sessions_of_an_owner(store: Any, view: tuple[str, Any], method: str) -> None:
    kind, acting = view
    call = {**AN_OWNER, "close": closed}[method]
    for whose, owner in OWNERS.items():
        await store.create(id="a", owner=owner, open=False)
        if method == "end_all" and whose == "anonymous":
            await text_of(partial(call, acting, owner), ConfigError)
        elif kind != "plain" or whose in PLAIN_MAY:
            await call(acting, owner)
        else:
            told = await text_of(partial(call, acting, owner), NotPermitted)
            await store.delete("a", owner)
            assert told == await text_of(partial(call, acting, owner), NotPermitted)


@pytest.mark.parametrize("method", THE_STORE)
async def test_the_store_as_a_whole(store: Any, view: tuple[str, Any], method: str) -> None:
    kind, acting = view
    before = await store.parameters()
    for call in THE_STORE[method]:
        if kind == "plain":
            await text_of(partial(call, acting), NotPermitted)
            assert await store.parameters() == before
        else:
            await call(acting)


async def test_a_plain_view_does_not_end_what_was_kept_for_the_application(
    store: Any, world: World
) -> None:
    await store.configure(at_timeout="keep")
    await store.create(id="a", owner="bob", open=False)
    world.age("bob:a", 1000)
    with pytest.raises(NotPermitted):
        await store.as_user("alice").sweep()
    assert await store.count() == 1
    assert await store.sweep() == 1


async def test_a_plain_view_may_be_had_under_another_label(store: Any) -> None:
    alice = store.as_user("alice").as_user("alice", label="till 7")
    assert alice.label == "till 7"
    with pytest.raises(SessionNotFound):
        await alice.read("a", owner="bob")


async def all_of(found: AsyncIterator[Any]) -> list[Any]:
    return [one async for one in found]


SEEN = {"application": set(OWNERS.values()), "privileged": set(OWNERS.values())}


async def test_what_is_listed(store: Any, view: tuple[str, Any]) -> None:
    kind, acting = view
    for owner in OWNERS.values():
        await store.create(owner=owner, open=False)
    seen = SEEN.get(kind, {"alice", "*"})
    assert {info.owner for info in await all_of(acting.list())} == seen
    assert {event.owner for event in await all_of(acting.events())} == seen
    for owner in OWNERS.values():
        found = [info.owner for info in await all_of(acting.list(owner))]
        assert found == ([owner] if owner in seen else [])


async def test_no_session_is_meant(store: Any, view: tuple[str, Any]) -> None:
    _, acting = view
    for owner in OWNERS.values():
        session = await store.create(owner=owner, data={"n": "a value"}, open=False)
        told = repr([acting.label, await acting.parameters(), await acting.now()])
        assert session.id not in told
        assert "a value" not in told


async def test_a_session_that_has_moved_to_another_owner_is_out_of_reach(store: Any) -> None:
    alice = store.as_user("alice")
    session = await alice.create(data={"n": 1})
    old = session.id
    await session.close()
    handles = [await alice.open(old, mode=mode) for mode in ("shared", "read")]
    atomic = alice.atomic(old)
    moving = await store.open(old)
    await moving.close(owner="bob")
    handles[0]["n"] = 2
    calls = [handles[0].save, handles[0].delete, handles[1].delete, partial(atomic.add, "n")]
    calls += [partial(call, old) for call in (alice.read, alice.open, alice.touch, alice.delete)]
    for call in calls[:1] + calls[3:]:
        assert "has another id or owner now" in await text_of(call, SessionEnded)
    for call in [partial(call, moving.id) for call in (alice.read, alice.open, alice.delete)]:
        await text_of(call, SessionNotFound)
    assert dict(await store.read(moving.id)) == {"n": 1}


@pytest.mark.parametrize("id", [1, None, b"a", ["a"], "", "a\n", "\ud800", "x" * 256])
@pytest.mark.parametrize("method", ["read", "touch", "delete", "open", "atomic"])
@pytest.mark.parametrize("owner", ["alice", None, "*"])
async def test_what_is_no_id_is_refused_as_such_whosever_it_is_said_to_be(
    store: Any, method: str, owner: str | None, id: Any
) -> None:
    async def called(view: Any) -> None:
        answer = getattr(view, method)(id, owner=owner)
        if method == "atomic":
            answer = answer.add("n")
        await answer

    for view in (store, store.as_user("bob"), store.as_user("root", privileged=True)):
        with pytest.raises(ConfigError):
            await called(view)
