"""$Session_Close: what it changes, return codes, the pending delete; logout."""

from __future__ import annotations

import pytest

from sessionstore import LeaseLost
from sessionstore.dialects.soul import Online, RequestCancelled, Thread
from tests.dialects.soul.conftest import Scene, ids


def test_rc_minus_1_nothing_is_open(alice: Thread) -> None:
    assert alice.session_close() == -1
    assert alice.session_close("NEW", "*", 5) == -1
    alice.session_create("A")
    assert alice.session_close() == 0
    assert alice.session_close() == -1


def test_rc_0_closed_and_kept(alice: Thread) -> None:
    alice.session_create("A", None, 60)
    assert alice.session_close() == 0
    assert alice.session() == 0
    assert alice.session_open("A") == 0
    assert (alice.session_owner(), alice.session_timeout()) == ("ALICE", 60)


def test_a_new_id(alice: Thread) -> None:
    alice.session_create("A")
    assert alice.session_close("B") == 0
    assert (alice.session_open("A"), alice.session_open("B")) == (1, 0)


def test_the_same_id_and_owner_are_no_change(alice: Thread) -> None:
    alice.session_create("A")
    assert alice.session_close("A", "ALICE") == 0
    assert ids(alice) == ["A"]


def test_a_new_owner_takes_the_privilege_if_it_is_somebody_else(
    alice: Thread, root: Thread
) -> None:
    alice.session_create("A")
    with pytest.raises(RequestCancelled, match="another owner"):
        alice.session_close(None, "BOB")
    assert alice.session_id() == "A"  # still open
    alice.session_close()
    assert root.session_open("A", "ALICE") == 0
    assert root.session_close("", "BOB") == 0
    assert ids(root, "*", "BOB") == ["A"]


def test_anybody_may_make_it_public_and_private_again(alice: Thread, bob: Thread) -> None:
    alice.session_create("A")
    assert alice.session_close(None, "*") == 0
    assert bob.session_open("A", "*") == 0
    assert bob.session_close(None, "BOB") == 0
    assert ids(bob) == ["A"]


def test_a_new_timeout(online: Online, alice: Thread) -> None:
    alice.session_create("A", None, 60)
    for given, shown in ((30, 30), (None, 30), (-1, 900), (0.5, 0)):
        assert alice.session_close(timeout=given) == 0
        assert alice.session_open("A") == 0
        assert alice.session_timeout() == shown
    online.reset("SESMAXTO", 100)
    assert alice.session_close(timeout=3600) == 0
    alice.session_open("A")
    assert alice.session_timeout() == 100


def test_the_default_timeout_is_that_of_now(online: Online, alice: Thread) -> None:
    alice.session_create("A", None, 60)
    online.reset("SESDEFTO", 300)
    alice.session_close(timeout=-1)
    alice.session_open("A")
    assert alice.session_timeout() == 300


def test_all_three_at_once(alice: Thread) -> None:
    alice.session_create("A")
    assert alice.session_close("B", "*", 77) == 0
    assert alice.session_open("B", "*") == 0
    assert (alice.session_owner(), alice.session_timeout()) == ("*", 77)


def test_rc_1_the_new_id_is_taken_and_nothing_has_changed(alice: Thread) -> None:
    alice.session_create("B", opts="NOOPEN")
    alice.session_create("A", None, 60)
    assert alice.session_close("B", None, 30) == 1
    assert (alice.session_id(), alice.session_timeout()) == ("A", 60)
    assert alice.session_close("C") == 0
    assert ids(alice) == ["B", "C"]


def test_rc_2_the_limit_of_the_online_and_nothing_has_changed(scene: Scene) -> None:
    online = scene.online(SESNPRV=1, SESNPUB=1)
    alice, bob = online.login("ALICE"), online.login("BOB")
    bob.session_create("NEWS", "*", opts="NOOPEN")
    alice.session_create("A")
    assert alice.session_close(None, "*") == 2
    assert (alice.session_id(), alice.session_owner()) == ("A", "ALICE")
    bob.session_open("NEWS", "*")
    assert bob.session_close(None, "BOB") == 2
    assert alice.session_close() == 0


def test_rc_3_the_limit_of_the_user_and_nothing_has_changed(scene: Scene) -> None:
    alice = scene.online(SESNPRV=9, SESNPUB=9, SESUMAX=1).login("ALICE")
    alice.session_create("A", opts="NOOPEN")
    alice.session_create("B", "*")
    assert alice.session_close(None, "ALICE") == 3
    assert (alice.session_id(), alice.session_owner()) == ("B", "*")
    assert alice.session_delete("A") == 0
    assert alice.session_close(None, "ALICE") == 0


def test_rc_above_0_only_with_a_change(scene: Scene) -> None:
    online = scene.online(SESNPRV=1, SESNPUB=1)
    alice = online.login("ALICE")
    alice.session_create("A")
    assert alice.session_close() == 0  # every limit is reached, and it does not matter


@pytest.mark.parametrize("change", [(), ("B",), (None, "*"), ("B", "*", 5)])
def test_a_delete_that_came_before_is_done_by_the_close(
    alice: Thread, root: Thread, change: tuple[str, ...]
) -> None:
    alice.session_create("A")
    assert root.session_delete("A", "ALICE") == 2
    assert alice.session() == 1
    assert alice.session_close(*change) == 0
    assert ids(root, "*", "*") == []


@pytest.mark.parametrize("timeout", [-2, 1e12])
def test_a_timeout_that_makes_no_sense_cancels_and_leaves_it_open(
    alice: Thread, timeout: float
) -> None:
    alice.session_create("A")
    with pytest.raises(RequestCancelled):
        alice.session_close(None, None, timeout)
    assert alice.session() == 1


def test_an_id_that_cannot_be_kept_cancels_and_leaves_it_open(alice: Thread) -> None:
    alice.session_create("A")
    with pytest.raises(RequestCancelled):
        alice.session_close("x" * 256)
    assert alice.session_id() == "A"


def test_a_session_that_was_taken_away_is_said_once(scene: Scene, alice: Thread) -> None:
    alice.session_create("A")
    scene.world.lapse("ALICE:A")
    other = scene.online().login("ALICE")
    assert other.session_open("A") == 0
    with pytest.raises(LeaseLost):
        alice.session_close()
    assert alice.session() == 0
    assert alice.session_close() == -1
    assert other.session_close() == 0


def test_one_closed_behind_the_threads_back_is_not_open(alice: Thread) -> None:
    alice.session_create("A")
    assert alice.open_session is not None
    alice.open_session.close()
    assert alice.session() == 0
    assert alice.session_close("B") == -1


def test_logout_closes_it_and_starts_the_timeout(scene: Scene) -> None:
    online = scene.online(SESNPRV=5, SESOPT=1)
    with online.login("ALICE") as alice:
        alice.session_create("A", None, 60)
    alice.logout()  # once more does nothing
    again = online.login("ALICE")
    assert again.session_open("A") == 0
    again.logout()
    scene.pass_time("A", "ALICE", 61)
    assert online.login("ALICE").session_open("A") == 1


def test_logout_ends_one_that_is_to_be_deleted(online: Online, root: Thread) -> None:
    with online.login("ALICE") as alice:
        alice.session_create("A")
        assert alice.session_delete("A") == 2
        assert ids(root, "*", "ALICE") == ["A"]
    assert ids(root, "*", "ALICE") == []


def test_logout_after_the_session_was_taken_away_says_so_and_is_done(
    scene: Scene, online: Online, alice: Thread
) -> None:
    alice.session_create("A")
    scene.world.lapse("ALICE:A")
    other = scene.online().login("ALICE")
    assert other.session_open("A") == 0
    with pytest.raises(LeaseLost):
        alice.logout()
    assert online.login("CAROL", thread=alice.number).number == alice.number
