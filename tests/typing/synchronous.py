"""What the synchronous public calls return, for a type checker; nothing runs this file."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, assert_type

from sessionstore import (
    Atomic,
    Event,
    Events,
    Longstring,
    Parameters,
    Session,
    SessionInfo,
    SessionList,
    SessionStore,
    Snapshot,
)
from sessionstore.embedded import EmbeddedServer
from sessionstore.testing import fake_store


def stores(store: SessionStore) -> None:
    assert_type(SessionStore.connect("embedded://", safe=True), SessionStore)
    assert_type(fake_store(), SessionStore)
    assert_type(store.as_user("alice", privileged=True), SessionStore)
    with SessionStore.connect("embedded://") as connected:
        assert_type(connected, SessionStore)
    with EmbeddedServer() as server:
        assert_type(server, EmbeddedServer)
        assert_type(server.url, str)


def sessions(store: SessionStore) -> None:
    assert_type(store.create(owner="alice", timeout=600, data={"cart": []}), Session)
    assert_type(store.open("cart", owner="alice", wait=timedelta(seconds=5)), Session)
    assert_type(store.read("cart", owner="alice"), Snapshot)
    assert_type(store.touch("cart"), None)
    assert_type(store.delete("cart", wait=1), bool)
    with store.create() as created, store.open("cart", mode="shared") as opened:
        assert_type(created, Session)
        assert_type(opened, Session)


def the_store_as_a_whole(store: SessionStore) -> None:
    assert_type(store.list(owner="alice", pattern="c*"), Iterator[SessionInfo])
    assert_type(store.events(since=None), Events)
    assert_type([event for event in store.events()], list[Event])  # noqa: C416 - the item's type
    assert_type(store.events().cursor, str)
    assert_type(store.count("alice"), int)
    assert_type(store.end_all("alice", keep="cart"), int)
    assert_type(store.sweep(), int)
    assert_type(store.now(), datetime)
    assert_type(store.configure(max_per_owner=5), Parameters)
    assert_type(store.atomic("cart"), Atomic)
    assert_type(store.atomic("cart").append("seen", 1), int)
    assert_type(store.atomic("cart").set_if("state", "paid"), bool)


def a_session(session: Session) -> None:
    assert_type(session.id, str)
    assert_type(session.owner, str)
    assert_type(session.fence, int)
    assert_type(session.holder, str)
    assert_type(session.timeout, timedelta)
    assert_type(session.deadline, datetime)
    assert_type(session.waited, timedelta)
    assert_type(session["cart"], Any)  # it may be anything that can be stored
    assert_type([name for name in session], list[str])  # noqa: C416 - the item's type
    assert_type(session.save(), None)
    assert_type(session.renew(), None)
    assert_type(session.close(owner="bob", timeout=60), None)
    assert_type(session.discard(), None)
    assert_type(session.delete(), bool)
    assert_type(session.list("log"), SessionList)
    assert_type(session.list("log").append("a", "b"), int)
    assert_type(session.list("log").page(0, 10), list[Any])
    assert_type(session.longstring("text"), Longstring)
    assert_type(session.longstring("text").read(), bytes)


def facts(info: SessionInfo, snapshot: Snapshot, event: Event, parameters: Parameters) -> None:
    assert_type(info.id, str)
    assert_type(info.holder, str | None)
    assert_type(info.deadline, datetime)
    assert_type(snapshot.info, SessionInfo)
    assert_type(snapshot.owner, str)
    assert_type(snapshot["cart"], Any)
    assert_type(event.id, str)
    assert_type(event.at, datetime)
    assert_type(parameters.timeout, timedelta)
    assert_type(parameters.max_per_owner, int | None)


def wrong(store: SessionStore, session: Session, unknown: Any) -> None:
    """A checker that does not see these would see nothing above: it asks to take the marks away."""
    assert_type(unknown, Session)  # type: ignore[assert-type]  # pyright: ignore[reportAssertTypeFailure]
    store.open(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    session.fence = 1  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
