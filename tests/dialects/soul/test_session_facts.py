"""$Session, $Session_Id, $Session_Owner, $Session_Timeout."""

from __future__ import annotations

import pytest

from sessionstore import LeaseLost
from sessionstore.dialects.soul import Online, RequestCancelled, Thread
from tests.dialects.soul.conftest import Scene


def facts(thread: Thread) -> tuple[int, str, str, int]:
    return (
        thread.session(),
        thread.session_id(),
        thread.session_owner(),
        thread.session_timeout(),
    )


NONE = (0, "", "", -1)


def test_the_facts_of_an_open_session_and_of_none(alice: Thread) -> None:
    assert facts(alice) == NONE
    alice.session_create("CART", timeout=600)
    assert facts(alice) == (1, "CART", "ALICE", 600)
    alice.session_close()
    assert facts(alice) == NONE
    alice.session_open("CART")
    assert facts(alice) == (1, "CART", "ALICE", 600)


def test_the_owner_of_a_public_session_is_an_asterisk(alice: Thread) -> None:
    alice.session_create("NEWS", "*")
    assert facts(alice) == (1, "NEWS", "*", 900)


def test_the_facts_of_one_thread_are_not_those_of_another(alice: Thread, bob: Thread) -> None:
    alice.session_create("CART")
    assert alice.session() == 1
    assert facts(bob) == NONE


def test_the_timeout_shown_is_that_in_force(online: Online, alice: Thread) -> None:
    alice.session_create("CART", timeout=600)
    online.reset("SESMAXTO", 60)
    assert alice.session_timeout() == 60
    online.reset("SESMAXTO", -1)
    assert alice.session_timeout() == 60


def test_a_session_that_was_taken_away_is_not_open(scene: Scene, alice: Thread) -> None:
    alice.session_create("CART", timeout=600)
    scene.world.raw.delete(scene.world.home("ALICE:CART").session)
    assert alice.session_timeout() == 600  # the last that was known of it
    session = alice.open_session
    assert session is not None
    session._note_lost()
    assert facts(alice) == NONE
    with pytest.raises(LeaseLost):
        alice.logout()


def test_after_logout_every_call_is_cancelled(alice: Thread) -> None:
    alice.logout()
    for call in (
        lambda: alice.session_create("CART"),
        lambda: alice.session_open("CART"),
        alice.session_close,
        lambda: alice.session_delete("CART"),
        lambda: alice.session_list(1),
        alice.list_new,
        lambda: alice.lstr_global_get("X"),
        lambda: alice.get_global("X"),
        alice.end_request,
    ):
        with pytest.raises(RequestCancelled, match="logged out"):
            call()
    assert facts(alice) == NONE
