"""Threads in several processes contend for one session as the documents say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sessionstore.dialects.soul import Thread
from tests.dialects.soul.conftest import PARAMETERS, Scene
from tests.dialects.soul.jobs import be_a_thread
from tests.support.processes import Child, all_of, children
from tests.support.wait import wait_until

SID = "ALICE:CART"


@pytest.fixture
def me(server: Scene) -> Thread:
    return server.online(**PARAMETERS).login("ALICE")


@pytest.fixture
def others(server: Scene, me: Thread) -> Iterator[list[Child]]:
    """Three threads of the same user, each in a process of its own: 100 to 102."""
    with ExitStack() as stack:
        crowd = stack.enter_context(children(3, be_a_thread, *server.place, "ALICE"))
        assert all_of(crowd) == ["ready"] * 3
        yield crowd


def ask(child: Child, *call: object) -> object:
    child.tell(call)
    return child.hear()


def test_only_one_of_them_has_it_open(me: Thread, others: list[Child]) -> None:
    one, two, _ = others
    me.session_create("CART", opts="NOOPEN")
    assert ask(one, "session_open", "CART") == 0
    assert ask(two, "session_open", "CART") == 2
    assert me.session_open("CART") == 2
    assert (ask(one, "session"), ask(two, "session"), me.session()) == (1, 0, 0)
    assert ask(one, "session_close") == 0
    assert ask(two, "session_open", "CART") == 0


def test_of_many_at_once_exactly_one_gets_it(me: Thread, others: list[Child]) -> None:
    me.session_create("CART", opts="NOOPEN")
    for _ in range(20):
        for child in others:
            child.tell(("session_open", "CART"))
        assert sorted(all_of(others)) == [0, 2, 2]
        for child in others:
            child.tell(("session_close",))
        assert sorted(all_of(others)) == [-1, -1, 0]


def test_of_many_creates_at_once_exactly_one_is_done(me: Thread, others: list[Child]) -> None:
    for number in range(5):
        for child in others:
            child.tell(("session_create", f"N{number}", None, -1, "NOOPEN"))
        assert sorted(all_of(others)) == [0, 1, 1]


def test_the_limit_of_the_user_is_never_passed(me: Thread, others: list[Child]) -> None:
    for number in range(4):
        for place, child in enumerate(others):
            child.tell(("session_create", f"N{number}-{place}", None, -1, "NOOPEN"))
        all_of(others)
    listid = me.list_new()
    assert me.session_list(listid) == PARAMETERS["SESUMAX"]
    assert ask(others[0], "session_create", "ONE MORE") == 3


def test_a_waiting_open_gets_it_at_the_close_in_the_order_of_asking(
    server: Scene, me: Thread, others: list[Child]
) -> None:
    me.session_create("CART")
    for place, child in enumerate(others, 1):
        child.tell(("session_open", "CART", None, 60))
        wait_until(lambda n=place: server.world.waiting(SID) == n, "it is in line")  # type: ignore[misc]
    assert me.session_close() == 0
    for child in others:
        assert child.hear() == 0
        assert not any(other.hears_within(0) for other in others)
        assert ask(child, "session_close") == 0


def test_a_waiting_open_is_told_when_its_time_is_over(me: Thread, others: list[Child]) -> None:
    me.session_create("CART")
    assert ask(others[0], "session_open", "CART", None, 0.05) == 2
    assert me.session() == 1


def test_the_default_wait_is_that_of_the_online(
    server: Scene, me: Thread, others: list[Child]
) -> None:
    server.online(SESDEFOW=60)
    me.session_create("CART")
    others[0].tell(("session_open", "CART"))
    wait_until(lambda: server.world.waiting(SID) == 1, "it is in line")
    others[1].tell(("session_open", "CART", None, 0))
    assert others[1].hear() == 2
    me.session_close()
    assert others[0].hear() == 0


def test_a_full_line_is_in_use(server: Scene, me: Thread, others: list[Child]) -> None:
    server.store().configure(max_waiters=1)
    me.session_create("CART")
    others[0].tell(("session_open", "CART", None, 60))
    wait_until(lambda: server.world.waiting(SID) == 1, "it is in line")
    assert ask(others[1], "session_open", "CART", None, 60) == 2
    me.session_close()
    assert others[0].hear() == 0


def test_a_logout_elsewhere_gives_it_to_the_one_who_waits(
    server: Scene, me: Thread, others: list[Child]
) -> None:
    assert ask(others[0], "session_create", "CART") == 0
    others[1].tell(("session_open", "CART", None, 60))
    wait_until(lambda: server.world.waiting(SID) == 1, "it is in line")
    others[0].tell(None)
    assert others[1].hear() == 0
    assert others[0].hear() == "logged out"


def test_a_waiting_delete_is_done_at_the_close(
    server: Scene, me: Thread, others: list[Child]
) -> None:
    me.session_create("CART")
    others[0].tell(("session_delete", "CART", None, 60))
    wait_until(lambda: server.world.waiting(SID) == 1, "it waits")
    assert me.session_close() == 0
    assert others[0].hear() == 0
    assert me.session_open("CART") == 1


def test_a_delete_that_does_not_wait_is_done_by_the_close_of_another_process(
    me: Thread, others: list[Child]
) -> None:
    assert ask(others[0], "session_create", "CART") == 0
    assert me.session_delete("CART") == 2
    assert ask(others[0], "session") == 1
    assert ask(others[0], "session_close") == 0
    assert me.session_open("CART") == 1


def test_one_who_waits_for_what_is_then_deleted_is_told_not_found(
    server: Scene, me: Thread, others: list[Child]
) -> None:
    me.session_create("CART")
    others[0].tell(("session_open", "CART", None, 60))
    wait_until(lambda: server.world.waiting(SID) == 1, "it is in line")
    assert me.session_delete("CART") == 2
    assert me.session_close() == 0
    assert others[0].hear() == 1


def test_everybody_sees_the_number_of_the_thread_that_has_it(
    me: Thread, others: list[Child]
) -> None:
    assert ask(others[2], "session_create", "CART") == 0
    listid = me.list_new()
    assert me.session_list(listid) == 1
    assert me.list_inf(listid, 1)[44:] == "   102CART"
    assert ask(others[0], "list_new") == 1
    assert ask(others[0], "session_list", 1) == 1
    assert str(ask(others[0], "list_inf", 1, 1))[44:] == "   102CART"


def test_the_session_of_a_process_that_died_comes_back(
    server: Scene, me: Thread, others: list[Child]
) -> None:
    server.store().configure(lease=0.3)
    assert ask(others[0], "session_create", "CART") == 0
    others[0].kill9()
    assert me.session_open("CART", None, 60) == 0
