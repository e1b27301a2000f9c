"""XML documents stored in the session: session objects that are documents of lxml."""

from __future__ import annotations

from typing import Any

import pytest

from sessionstore import TypeRefused
from sessionstore.dialects.soul import RequestCancelled, Thread
from tests.dialects.soul.conftest import Scene
from tests.dialects.soul.shapes import Product

etree: Any = pytest.importorskip("lxml.etree")


def order(text: str = "tea") -> Any:
    return etree.ElementTree(etree.fromstring(f"<order><item>{text}</item></order>"))


def items(tree: Any) -> list[str]:
    return [item.text for item in tree.iter("item")]


def test_it_is_set_and_got_like_any_object(scene: Scene, alice: Thread) -> None:
    alice.session_create("CART")
    alice.set_session("ORDER", order())
    assert items(alice.get_session("ORDER")) == ["tea"]
    alice.session_close()
    with scene.online().login("ALICE") as again:
        again.session_open("CART")
        assert items(again.get_session("ORDER")) == ["tea"]
    (info,) = reopened(alice).session_object_list()
    assert (info.name, info.class_description) == ("ORDER", "System:XmlDoc")


def reopened(thread: Thread) -> Thread:
    thread.session_close()
    assert thread.session_open("CART") == 0
    return thread


def test_it_is_the_document_of_that_name(alice: Thread) -> None:
    alice.session_create("CART")
    alice.set_session("ORDER", order())
    session = reopened(alice).open_session
    assert session is not None
    assert tuple(session.kept("document")) == ("ORDER",)
    assert items(session.document("ORDER")) == ["tea"]


def test_what_changes_in_it_is_kept(alice: Thread) -> None:
    alice.session_create("CART")
    alice.set_session("ORDER", order())
    tree = reopened(alice).get_session("ORDER")
    etree.SubElement(tree.getroot(), "item").text = "milk"
    assert items(reopened(alice).get_session("ORDER")) == ["tea", "milk"]


@pytest.mark.parametrize("call", ["nullify_session", "discard_session"])
def test_it_goes_like_any_object(alice: Thread, call: str) -> None:
    alice.session_create("CART")
    alice.set_session("ORDER", order())
    getattr(reopened(alice), call)("ORDER")
    assert alice.get_session("ORDER") is None
    again = reopened(alice)
    assert again.session_object_list() == []
    assert again.open_session is not None
    assert tuple(again.open_session.kept("document")) == ()


def test_a_name_is_one_or_the_other(alice: Thread) -> None:
    alice.session_create("CART")
    alice.set_session("X", order())
    alice.set_session("X", Product("tea"))
    assert reopened(alice).get_session("X").name == "tea"
    assert alice.open_session is not None
    assert list(alice.open_session.kept("document")) == []
    alice.set_session("X", order("milk"))
    assert items(reopened(alice).get_session("X")) == ["milk"]


def test_what_is_refused_leaves_the_document(alice: Thread) -> None:
    alice.session_create("CART")
    alice.set_session("X", order())
    with pytest.raises(TypeRefused):
        alice.set_session("X", object())
    assert items(reopened(alice).get_session("X")) == ["tea"]


def test_after_the_close_it_is_no_longer_accessible(alice: Thread) -> None:
    alice.session_create("CART")
    alice.set_session("ORDER", order())
    alice.session_close()
    with pytest.raises(RequestCancelled):
        alice.get_session("ORDER")


def test_it_follows_a_new_id_and_owner(alice: Thread) -> None:
    alice.session_create("CART")
    alice.set_session("ORDER", order())
    assert alice.session_close("MOVED", "*") == 0
    assert alice.session_open("MOVED", "*") == 0
    assert items(alice.get_session("ORDER")) == ["tea"]
