"""What others do between the lost answer and the second sending: that is more than a repeat."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest

from sessionstore import Conflict, LeaseLost, SessionEnded, SessionStore, StoreUnavailable
from tests.faults.checks import BUCKETS, renew_no_more
from tests.faults.lost_replies.stage import told
from tests.support.proxy import Proxy
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.servers import Standalone


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
