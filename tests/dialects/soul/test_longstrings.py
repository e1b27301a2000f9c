"""Longstrings of the session and of the login, and the variables bound to them."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from sessionstore.dialects.soul import LongstringVariable, RequestCancelled, Thread
from tests.dialects.soul.conftest import Scene


class Functions(NamedTuple):
    """The four functions of one name space."""

    bind: Any
    get: Any
    set: Any
    delete: Any


def of_global(thread: Thread) -> Functions:
    return Functions(
        thread.lstr_global, thread.lstr_global_get, thread.lstr_global_set, thread.lstr_global_del
    )


def of_session(thread: Thread) -> Functions:
    return Functions(
        thread.lstr_session,
        thread.lstr_session_get,
        thread.lstr_session_set,
        thread.lstr_session_del,
    )


@pytest.fixture(params=["global", "session"])
def lstr(request: pytest.FixtureRequest, alice: Thread) -> Functions:
    """The functions of each name space, with a session open."""
    alice.session_create("CART")
    return of_global(alice) if request.param == "global" else of_session(alice)


# Get, set, del


def test_it_is_null_until_it_is_set(lstr: Functions) -> None:
    assert lstr.get("A") == ""
    assert lstr.set("A", "text") == 0
    assert lstr.get("A") == "text"
    assert lstr.set("A", "ä\0\n€") == 0
    assert lstr.get("A") == "ä\0\n€"
    assert lstr.set("A", "") == 0
    assert lstr.get("A") == ""


def test_del_takes_wildcards_and_says_how_many(lstr: Functions) -> None:
    for name in ("A1", "A2", "A22", "B", "A*"):
        lstr.set(name, "x")
    assert lstr.delete("NONE") == 0
    assert lstr.delete("A?") == 3
    assert lstr.delete('A"*') == 0
    assert lstr.delete("*2*") == 1
    assert (lstr.get("A1"), lstr.get("A22"), lstr.get("B")) == ("", "", "x")
    assert lstr.delete("*") == 1


def test_del_does_not_care_how_it_was_made(lstr: Functions) -> None:
    variable = LongstringVariable()
    lstr.bind("BOUND", variable)
    lstr.set("SET", "x")
    assert lstr.delete("*") == 2


@pytest.mark.parametrize("name", ["", None, "x" * 256])
def test_a_name_that_is_none_cancels_the_request(lstr: Functions, name: str) -> None:
    for call in (lstr.get, lstr.delete, lambda name: lstr.set(name, "x")):
        with pytest.raises(RequestCancelled):
            call(name)
    if name:
        with pytest.raises(RequestCancelled):
            lstr.bind(name, LongstringVariable())
    assert lstr.set("x" * 255, "y") == 0


# Variables


def test_a_variable_by_itself() -> None:
    variable = LongstringVariable()
    assert (variable.value, variable.name) == ("", None)
    variable.value = "text"
    assert variable.value == "text"
    assert LongstringVariable("given").value == "given"


def test_bound_it_takes_the_value_and_gives_it_back(lstr: Functions) -> None:
    lstr.set("A", "before")
    variable = LongstringVariable("mine")
    assert lstr.bind("A", variable) == 0
    assert (variable.value, variable.name) == ("before", "A")
    variable.value = "assigned"
    assert lstr.get("A") == "assigned"
    lstr.set("A", "set")
    assert variable.value == "set"


def test_bound_to_a_new_one_it_is_null(lstr: Functions) -> None:
    variable = LongstringVariable("mine")
    assert lstr.bind("A", variable) == 0
    assert variable.value == ""
    assert lstr.bind("A", LongstringVariable(), "OLD") == 0  # it is there now


def test_two_variables_of_one_name_are_one(lstr: Functions) -> None:
    one, two = LongstringVariable(), LongstringVariable()
    lstr.bind("A", one)
    lstr.bind("A", two)
    one.value = "x"
    assert two.value == "x"


@pytest.mark.parametrize("nothing", [None, ""])
def test_without_a_name_it_is_unbound_and_null(lstr: Functions, nothing: str | None) -> None:
    variable = LongstringVariable()
    lstr.bind("A", variable)
    variable.value = "x"
    assert lstr.bind(nothing, variable) == 0
    assert (variable.value, variable.name) == ("", None)
    variable.value = "y"
    assert lstr.get("A") == "x"


def test_bound_to_another_name_it_leaves_the_first(lstr: Functions) -> None:
    variable = LongstringVariable()
    lstr.bind("A", variable)
    variable.value = "a"
    lstr.bind("B", variable)
    variable.value = "b"
    assert (lstr.get("A"), lstr.get("B")) == ("a", "b")
    lstr.delete("A")
    assert variable.value == "b"


def test_del_unbinds_and_makes_null(lstr: Functions) -> None:
    variable = LongstringVariable()
    lstr.bind("A", variable)
    variable.value = "x"
    assert lstr.delete("A") == 1
    assert (variable.value, variable.name) == ("", None)
    lstr.set("A", "another")
    assert variable.value == ""


@pytest.mark.parametrize(
    ("option", "there", "code", "value"),
    [
        ("ANY", False, 0, ""),
        ("ANY", True, 0, "old"),
        ("OLD", False, -14, None),
        ("OLD", True, 0, "old"),
        ("NEW", False, 0, ""),
        ("NEW", True, 0, ""),
        ("NOTOLD", True, -14, None),
        ("PREP", True, 0, ""),
        ("PREPOLD", True, 0, ""),
        ("PREPOLD", False, -14, None),
        ("PREPNEW", True, 0, ""),
        ("WRONG", True, -15, None),
    ],
)
def test_the_options(
    lstr: Functions, option: str, there: bool, code: int, value: str | None
) -> None:
    if there:
        lstr.set("A", "old")
    variable = LongstringVariable("mine")
    assert lstr.bind("A", variable, option) == code
    if value is None:
        assert (variable.value, variable.name) == ("mine", None)
    else:
        assert (variable.value, lstr.get("A")) == (value, value)


def test_the_variable_must_be_one(lstr: Functions) -> None:
    with pytest.raises(RequestCancelled, match="variable"):
        lstr.bind("A", "text")


# The session


def test_without_a_session_the_request_is_cancelled(alice: Thread) -> None:
    lstr = of_session(alice)
    variable = LongstringVariable("mine")
    for call in (
        lambda: lstr.bind("A", variable),
        lambda: lstr.bind(None, variable),
        lambda: lstr.get("A"),
        lambda: lstr.set("A", "x"),
        lambda: lstr.delete("*"),
    ):
        with pytest.raises(RequestCancelled, match="no session is open"):
            call()
    assert variable.value == "mine"


def test_it_stays_in_the_session_and_the_variable_does_not(scene: Scene, alice: Thread) -> None:
    alice.session_create("CART")
    variable, another = LongstringVariable(), LongstringVariable()
    alice.lstr_session("A", variable)
    alice.lstr_session("A", another)
    variable.value = "kept"
    alice.lstr_session_set("EMPTY", "")
    alice.session_close()
    another.value = "mine"
    assert another.value == "mine"
    assert (variable.value, variable.name) == ("", None)
    variable.value = "of the variable only"
    with scene.online().login("ALICE") as again:
        again.session_open("CART")
        assert again.lstr_session_get("A") == "kept"
        assert again.lstr_session("EMPTY", LongstringVariable(), "OLD") == 0


def test_the_two_name_spaces_are_independent(alice: Thread) -> None:
    alice.session_create("CART")
    ours, theirs = LongstringVariable(), LongstringVariable()
    alice.lstr_session("A", ours)
    alice.lstr_global("A", theirs)
    ours.value, theirs.value = "session", "global"
    assert (alice.lstr_session_get("A"), alice.lstr_global_get("A")) == ("session", "global")
    assert alice.lstr_global_del("*") == 1
    assert (ours.value, theirs.value) == ("session", "")


def test_no_room(alice: Thread) -> None:
    alice.session_create("CART")
    assert alice.lstr_session_set("A", "x" * (1 << 21)) == -3
    assert alice.lstr_session_get("A") == ""


def test_what_other_programs_wrote_comes_through_unharmed(alice: Thread) -> None:
    alice.session_create("CART")
    assert alice.open_session is not None
    alice.open_session.longstring("A").replace(b"\xff\x00text")
    assert alice.lstr_session_set("B", alice.lstr_session_get("A")) == 0
    assert alice.open_session.longstring("B").read() == b"\xff\x00text"


# The login


def test_those_of_the_login_outlast_requests_and_end_with_it(scene: Scene, alice: Thread) -> None:
    alice.lstr_global_set("A", "x")
    alice.end_request()
    assert alice.lstr_global_get("A") == "x"
    assert scene.online().login("ALICE").lstr_global_get("A") == ""
