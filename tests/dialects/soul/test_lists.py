"""$lists: of a request, of the login by name, of the session by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessionstore.dialects.soul import RequestCancelled, Thread
from tests.dialects.soul.conftest import Scene

PLACES = pytest.mark.parametrize("place", ["global", "session"])

Binding = Callable[..., int]


@pytest.fixture
def bind(place: str, alice: Thread) -> Binding:
    """`list_global`, or `list_session` with a session open."""
    alice.session_create("CART")
    return alice.list_global if place == "global" else alice.list_session


def content(thread: Thread, listid: int) -> list[str]:
    return [thread.list_inf(listid, number + 1) for number in range(thread.list_cnt(listid))]


# Of a request


def test_a_list_grows_and_is_read_by_number(alice: Thread) -> None:
    listid = alice.list_new()
    assert alice.list_cnt(listid) == 0
    assert [alice.list_add(listid, item) for item in ("a", "", "c")] == [1, 2, 3]
    assert alice.list_cnt(listid) == 3
    assert [alice.list_inf(listid, number) for number in (1, 2, 3)] == ["a", "", "c"]


def test_each_new_list_is_another(alice: Thread) -> None:
    one, two = alice.list_new(), alice.list_new()
    assert 0 < one < two
    alice.list_add(one, "a")
    assert alice.list_cnt(two) == 0


def test_the_codes_of_misuse(alice: Thread) -> None:
    listid = alice.list_new()
    assert alice.list_add(listid, None) == -5
    assert alice.list_add(99, "a") == -6
    assert alice.list_cnt(99) == -6
    assert [alice.list_inf(listid, number) for number in (0, 1, -1)] == [""] * 3
    assert alice.list_inf(99, 1) == ""


def test_it_is_gone_with_the_request(alice: Thread) -> None:
    listid = alice.list_new()
    alice.end_request()
    assert alice.list_cnt(listid) == -6
    assert alice.list_new() != listid


# By name: the types


def made(thread: Thread, bind: Binding, name: str = "L") -> int:
    listid = bind(name)
    thread.list_add(listid, "old")
    return listid


@PLACES
@pytest.mark.parametrize("kind", ["ANY", "any", "", " ANY "])
def test_any_is_the_list_or_a_new_one(alice: Thread, bind: Binding, kind: str) -> None:
    assert content(alice, bind("NONE", kind)) == []
    made(alice, bind)
    assert content(alice, bind("L", kind)) == ["old"]
    assert content(alice, bind("L")) == ["old"]


@PLACES
def test_old_must_be_there(alice: Thread, bind: Binding) -> None:
    assert bind("L", "OLD") == -14
    assert bind("L", "OLD") == -14  # it has not made it
    made(alice, bind)
    assert content(alice, bind("L", "OLD")) == ["old"]


@PLACES
@pytest.mark.parametrize("kind", ["NEW", "PREPNEW", "NEWPREP", "PREP", "PREPANY", "ANYPREP"])
def test_new_and_prep_are_empty_in_any_case(alice: Thread, bind: Binding, kind: str) -> None:
    assert content(alice, bind("NONE", kind)) == []
    before = made(alice, bind)
    assert content(alice, bind("L", kind)) == []
    assert content(alice, before) == []  # it is the same list


@PLACES
def test_notold_must_not_be_there(alice: Thread, bind: Binding) -> None:
    assert content(alice, bind("L", "NOTOLD")) == []
    assert bind("L", "NOTOLD") == -14


@PLACES
@pytest.mark.parametrize("kind", ["PREPOLD", "OLDPREP"])
def test_prepold_must_be_there_and_is_emptied(alice: Thread, bind: Binding, kind: str) -> None:
    assert bind("L", kind) == -14
    made(alice, bind)
    assert content(alice, bind("L", kind)) == []


@PLACES
@pytest.mark.parametrize("kind", ["OLDNEW", "ALL", "NEW OLD"])
def test_no_such_type(alice: Thread, bind: Binding, kind: str) -> None:
    assert bind("L", kind) == -15
    assert bind("L", "OLD") == -14


@PLACES
def test_an_empty_list_is_there(alice: Thread, bind: Binding) -> None:
    bind("L")
    assert bind("L", "OLD") > 0


@PLACES
def test_two_identifiers_of_one_name_are_one_list(alice: Thread, bind: Binding) -> None:
    one, two = bind("L"), bind("L")
    assert (alice.list_add(one, "a"), alice.list_add(two, "b")) == (1, 2)
    assert content(alice, one) == content(alice, two) == ["a", "b"]


@PLACES
@pytest.mark.parametrize("name", ["", None, "x" * 256, "ä" * 128])
def test_a_name_that_is_none_cancels_the_request(alice: Thread, bind: Binding, name: str) -> None:
    with pytest.raises(RequestCancelled):
        bind(name)
    assert bind("x" * 255) > 0
    assert bind("ä" * 127) > 0


@PLACES
def test_the_rows_of_session_list_go_there_too(alice: Thread, bind: Binding) -> None:
    listid = bind("L")
    assert alice.session_list(listid) == 1
    assert alice.list_inf(listid, 1)[50:] == "CART"


# Of the session


def test_without_a_session_the_request_is_cancelled(alice: Thread) -> None:
    with pytest.raises(RequestCancelled, match="no session is open"):
        alice.list_session("L")


def test_it_stays_in_the_session(scene: Scene, alice: Thread) -> None:
    alice.session_create("CART")
    listid = made(alice, alice.list_session)
    alice.session_close()
    assert alice.list_cnt(listid) == -6  # no longer accessible
    assert alice.list_add(listid, "late") == -6
    with scene.online().login("ALICE") as again:
        assert again.session_open("CART") == 0
        listid = again.list_session("L", "OLD")
        assert content(again, listid) == ["old"]
        again.end_request()
        assert again.list_cnt(listid) == -6
        assert content(again, again.list_session("L")) == ["old"]


def test_a_list_of_one_session_is_not_that_of_the_next(alice: Thread) -> None:
    alice.session_create("A")
    listid = made(alice, alice.list_session)
    alice.session_close()
    alice.session_create("B")
    assert alice.list_cnt(listid) == -6
    assert alice.list_session("L", "OLD") == -14


def test_it_follows_a_new_id_and_owner(alice: Thread) -> None:
    alice.session_create("A")
    made(alice, alice.list_session)
    alice.list_session("EMPTY")
    assert alice.session_close("B", "*") == 0
    assert alice.session_open("B", "*") == 0
    assert content(alice, alice.list_session("L", "OLD")) == ["old"]
    assert alice.list_session("EMPTY", "OLD") > 0


def test_no_room(alice: Thread) -> None:
    alice.session_create("CART")
    listid = alice.list_session("L")
    alice.list_add(listid, "a")
    room = alice.list_new()
    # The limit is that of the session's bytes.
    assert alice.list_add(listid, "x" * (1 << 20)) == -3
    assert content(alice, listid) == ["a"]
    assert alice.list_add(room, "x" * (1 << 20)) == 1


def test_many_items(alice: Thread) -> None:
    alice.session_create("CART")
    listid = alice.list_session("L")
    for number in range(250):
        assert alice.list_add(listid, str(number)) == number + 1
    assert alice.list_inf(listid, 250) == "249"
    assert alice.list_save("COPY", listid) == 0
    alice.session_close()
    assert alice.list_cnt(alice.list_rst("COPY")) == 250


# Of the login


def test_a_global_list_outlasts_requests_and_sessions_but_not_the_login(
    alice: Thread, scene: Scene
) -> None:
    made(alice, alice.list_global)
    alice.session_create("CART")
    alice.session_close()
    alice.end_request()
    assert content(alice, alice.list_global("L", "OLD")) == ["old"]
    again = scene.online().login("ALICE")
    assert again.list_global("L", "OLD") == -14


def test_the_two_name_spaces_are_independent(alice: Thread) -> None:
    alice.session_create("CART")
    made(alice, alice.list_global)
    assert alice.list_session("L", "OLD") == -14
    assert alice.list_session("M") > 0
    assert alice.list_global("M", "OLD") == -14


def test_a_list_is_saved_and_restored_in_a_later_request(alice: Thread) -> None:
    listid = alice.list_new()
    alice.list_add(listid, "a")
    assert alice.list_save("KEPT", listid) == 0
    alice.list_add(listid, "later")  # what was saved is a copy
    alice.end_request()
    restored = alice.list_rst("KEPT")
    assert content(alice, restored) == ["a"]
    alice.list_add(restored, "b")
    assert content(alice, alice.list_global("KEPT", "OLD")) == ["a", "b"]


def test_saving_again_replaces(alice: Thread) -> None:
    one, two = alice.list_new(), alice.list_new()
    alice.list_add(two, "b")
    alice.list_save("KEPT", one)
    alice.list_save("KEPT", two)
    assert content(alice, alice.list_rst("KEPT")) == ["b"]


def test_the_codes_of_save_and_restore(alice: Thread) -> None:
    assert alice.list_save("", alice.list_new()) == -5
    assert alice.list_save("KEPT", 99) == -6
    assert alice.list_rst("") == -5
    assert alice.list_rst("KEPT") == -14


def test_savl_lists_what_is_saved_and_not_restored_in_this_request(alice: Thread) -> None:
    listid = alice.list_new()
    for item in ("a", "b", "c"):
        alice.list_add(listid, item)
    alice.list_save("THREE", listid)
    alice.list_save("AGAIN", listid)
    names = alice.list_new()
    alice.list_add(names, "is replaced")
    assert alice.list_savl(names) == 2
    assert content(alice, names) == ["0000000003 AGAIN", "0000000003 THREE"]
    alice.list_rst("AGAIN")
    assert alice.list_savl(names) == 1
    assert content(alice, names) == ["0000000003 THREE"]
    alice.list_global("THREE")
    assert alice.list_savl(names) == 0
    assert content(alice, names) == []
    alice.list_save("THREE", names)  # saved again, it is to be restored again
    assert alice.list_savl(names) == 1
    alice.end_request()
    assert alice.list_savl(alice.list_new()) == 2


def test_the_codes_of_savl(alice: Thread) -> None:
    assert alice.list_savl(None) == -5
    assert alice.list_savl(99) == -6
    assert alice.list_savl(alice.list_new()) == 0
