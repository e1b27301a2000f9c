"""Session and global objects: names, what follows the session, and the facts on them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from sessionstore import SessionStore, TypeRefused
from sessionstore.dialects.soul import (
    Online,
    PersistentObjectInfo,
    RequestCancelled,
    Thread,
)
from tests.dialects.soul.conftest import Scene
from tests.dialects.soul.shapes import Basket, Product


class Methods(NamedTuple):
    """The methods of one name space."""

    set: Any
    get: Any
    discard: Any
    discard_all: Any
    nullify: Any
    nullify_all: Any
    list: Any
    info: Any


def of_global(thread: Thread) -> Methods:
    return Methods(
        thread.set_global,
        thread.get_global,
        thread.discard_global,
        thread.discard_globals,
        thread.nullify_global,
        thread.nullify_globals,
        thread.global_object_list,
        lambda name: PersistentObjectInfo.new_from_global(thread, name),
    )


def of_session(thread: Thread) -> Methods:
    return Methods(
        thread.set_session,
        thread.get_session,
        thread.discard_session,
        thread.discard_sessions,
        thread.nullify_session,
        thread.nullify_sessions,
        thread.session_object_list,
        lambda name: PersistentObjectInfo.new_from_session(thread, name),
    )


@pytest.fixture(params=["global", "session"])
def space(request: pytest.FixtureRequest, alice: Thread) -> Methods:
    """The methods of each name space, with a session open."""
    alice.session_create("CART")
    return of_global(alice) if request.param == "global" else of_session(alice)


def names(infos: list[PersistentObjectInfo]) -> list[str]:
    return [info.name for info in infos]


# Set, get, nullify, discard


def test_a_name_refers_to_the_very_object(space: Methods) -> None:
    tea = Product("tea")
    assert space.get("TEA") is None
    space.set("TEA", tea)
    assert space.get("TEA") is tea


def test_set_again_it_refers_to_another(space: Methods) -> None:
    tea, milk = Product("tea"), Product("milk")
    space.set("P", tea)
    space.set("P", milk)
    assert space.get("P") is milk
    space.set("P", None)
    assert space.get("P") is None
    assert space.list() == []


def test_nullify_lets_go_of_the_name_only(space: Methods) -> None:
    tea = Product("tea")
    space.set("A", tea)
    space.set("B", tea)
    space.nullify("A")
    space.nullify("NONE")
    assert (space.get("A"), space.get("B")) == (None, tea)


def test_nullify_by_pattern(space: Methods) -> None:
    for name in ("A1", "A2", "B", "A*"):
        space.set(name, Product(name))
    space.nullify_all("NONE*")
    space.nullify_all('A"*')
    assert names(space.list()) == ["A1", "A2", "B"]
    space.nullify_all("A?")
    assert names(space.list()) == ["B"]
    space.nullify_all("*")
    assert space.list() == []


def test_discard_lets_go_of_the_object_under_all_its_names(space: Methods) -> None:
    tea, milk = Product("tea"), Product("milk")
    space.set("A", tea)
    space.set("B", tea)
    space.set("C", milk)
    space.discard("NONE")
    space.discard("A")
    assert (space.get("A"), space.get("B"), space.get("C")) == (None, None, milk)


def test_discard_by_pattern(space: Methods) -> None:
    tea, milk = Product("tea"), Product("milk")
    for name, thing in (("A1", tea), ("A2", milk), ("B", tea), ("C", Product("bread"))):
        space.set(name, thing)
    space.discard_all("NONE*")
    space.discard_all("A*")
    assert names(space.list()) == ["C"]


@pytest.mark.parametrize("name", ["", None, "x" * 256])
def test_a_name_that_is_none_cancels_the_request(space: Methods, name: str) -> None:
    with pytest.raises(RequestCancelled):
        space.set(name, Product("tea"))
    assert space.list() == []


# The facts


def test_the_list_is_of_all_that_fit_in_order(space: Methods) -> None:
    for name in ("B", "A", "a"):
        space.set(name, Product(name))
    assert names(space.list()) == names(space.list("*")) == ["A", "B", "a"]
    assert names(space.list("A*")) == ["A"]
    assert space.list("NONE") == []


def test_the_facts_on_one_object(space: Methods, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 11, 22, 20, 5, 9, 87_654, tzinfo=UTC)
    monkeypatch.setattr(SessionStore, "now", lambda store: moment)
    space.set("TEA", Product("tea"))
    info = space.info("TEA")
    assert info == PersistentObjectInfo("TEA", "20261122200509087", "Product")
    assert space.list("TEA") == [info]
    assert space.info("NONE") is None


def test_the_set_time_is_the_time_of_the_store(space: Methods) -> None:
    space.set("TEA", Product("tea"))
    text = space.info("TEA").set_time
    assert re.fullmatch(r"\d{17}", text)
    moment = datetime.strptime(f"{text[:14]}+0000", "%Y%m%d%H%M%S%z")
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)


def test_the_set_time_changes_with_set_and_not_with_the_object(
    space: Methods, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(datetime(2026, 1, 1, second=second, tzinfo=UTC) for second in (1, 2))
    monkeypatch.setattr(SessionStore, "now", lambda store: next(moments))
    basket = Basket()
    space.set("B", basket)
    space.get("B").products.append(Product("tea"))
    assert space.info("B").set_time == "20260101000001000"
    space.set("B", basket)
    assert space.info("B").set_time == "20260101000002000"


# The session


def test_without_a_session_the_request_is_cancelled(alice: Thread) -> None:
    space = of_session(alice)
    for call in (
        lambda: space.set("A", Product("tea")),
        lambda: space.get("A"),
        lambda: space.discard("A"),
        lambda: space.discard_all("*"),
        lambda: space.nullify("A"),
        lambda: space.nullify_all("*"),
        space.list,
        lambda: space.info("A"),
    ):
        with pytest.raises(RequestCancelled, match="no session is open"):
            call()


def test_what_can_be_reached_follows_the_session(scene: Scene, alice: Thread) -> None:
    tea = Product("tea", 5)
    alice.session_create("CART")
    alice.set_session("BASKET", Basket([tea, tea]))
    alice.set_session("TEA", tea)
    when = alice.session_object_list()
    alice.session_close()
    with scene.online().login("ALICE") as again:
        again.session_open("CART")
        basket, other = again.get_session("BASKET"), again.get_session("TEA")
        assert basket is not None
        assert [product.name for product in basket.products] == ["tea", "tea"]
        assert basket.products[0] is basket.products[1] is other  # shared stays shared
        assert again.session_object_list() == when
        other.price = 7  # noticed without being set again
    alice.session_open("CART")
    assert alice.get_session("BASKET").products[0].price == 7
    assert alice.session_object_list() == when


def test_a_circle_stays_one(alice: Thread) -> None:
    one = Basket()
    one.twin = Basket(twin=one)
    alice.session_create("CART")
    alice.set_session("ONE", one)
    alice.session_close("OTHER")
    alice.session_open("OTHER")
    found = alice.get_session("ONE")
    assert found is not one
    assert found.twin.twin is found


def test_what_cannot_be_reached_any_more_does_not_follow(scene: Scene, alice: Thread) -> None:
    alice.session_create("CART")
    basket = Basket([Product("tea")])
    alice.set_session("B", basket)
    alice.set_session("A", Product("milk"))
    alice.session_close()
    before = len(scene.world.fields("ALICE:CART"))
    alice.session_open("CART")
    alice.get_session("B").products.clear()
    alice.nullify_session("A")
    alice.session_close()
    # Two attributes of A, milk, and the tea that was in the basket.
    assert len(scene.world.fields("ALICE:CART")) == before - 4


def test_they_are_not_mixed_with_the_attributes_of_other_programs(
    scene: Scene, alice: Thread
) -> None:
    store = scene.store()
    store.create("CART", owner="ALICE", data={"TEA": 1}, open=False)
    alice.session_open("CART")
    assert alice.get_session("TEA") is None
    alice.set_session("TEA", Product("tea"))
    assert names(alice.session_object_list()) == ["TEA"]
    alice.session_close()
    there = store.read("CART", owner="ALICE")
    assert there["TEA"] == 1
    assert there["object TEA"].name == "tea"


def test_the_objects_of_the_two_name_spaces_are_independent(alice: Thread) -> None:
    alice.session_create("CART")
    alice.set_session("A", Product("tea"))
    assert alice.get_global("A") is None
    alice.set_global("B", Product("milk"))
    assert alice.get_session("B") is None
    alice.session_close()
    assert alice.get_global("B").name == "milk"


def test_objects_of_the_login_end_with_it_and_can_be_anything(online: Online) -> None:
    alice = online.login("ALICE")
    thing = object()
    alice.set_global("A", thing)
    alice.end_request()
    assert alice.get_global("A") is thing
    alice.logout()
    assert online.login("ALICE").get_global("A") is None


def test_a_class_that_is_not_registered_is_refused(alice: Thread) -> None:
    alice.session_create("CART")
    with pytest.raises(TypeRefused):
        alice.set_session("A", object())
    assert alice.get_session("A") is None
    assert alice.session_object_list() == []
    assert alice.session_close() == 0


def test_what_is_refused_leaves_what_was_there(alice: Thread) -> None:
    alice.session_create("CART")
    tea = Product("tea")
    alice.set_session("A", tea)
    before = alice.session_object_list()
    with pytest.raises(TypeRefused):
        alice.set_session("A", object())
    assert alice.get_session("A") is tea
    assert alice.session_object_list() == before
