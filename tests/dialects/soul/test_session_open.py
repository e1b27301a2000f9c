"""$Session_Open: arguments, return codes, what is not seen; waiting is in test_contention.py."""

from __future__ import annotations

import pytest

from sessionstore.dialects.soul import RequestCancelled, Thread
from tests.dialects.soul.conftest import Scene


def test_rc_0_it_is_open_again_on_any_thread_of_the_user(scene: Scene, alice: Thread) -> None:
    alice.session_create("A")
    alice.session_close()
    assert alice.session_open("A") == 0
    alice.session_close()
    elsewhere = scene.online().login("ALICE")
    assert elsewhere.session_open("A", "ALICE") == 0
    assert elsewhere.session_id() == "A"


def test_rc_1_there_is_none(alice: Thread) -> None:
    assert alice.session_open("A") == 1
    alice.session_create("A", opts="NOOPEN")
    assert alice.session_open("A", "*") == 1


def test_rc_1_it_has_timed_out(scene: Scene) -> None:
    alice = scene.online(SESNPRV=5, SESOPT=1).login("ALICE")
    alice.session_create("A", None, 60, "NOOPEN")
    scene.pass_time("A", "ALICE", 61)
    assert alice.session_open("A") == 1


def test_rc_1_it_is_somebody_elses(alice: Thread, bob: Thread, root: Thread) -> None:
    bob.session_create("A", opts="NOOPEN")
    assert alice.session_open("A") == 1
    assert alice.session_open("A", "BOB") == 1
    assert root.session_open("A", "BOB") == 0


def test_rc_1_it_has_been_deleted(alice: Thread) -> None:
    alice.session_create("A", opts="NOOPEN")
    assert alice.session_delete("A") == 0
    assert alice.session_open("A") == 1


def test_rc_2_it_is_open_on_another_thread(scene: Scene, alice: Thread) -> None:
    alice.session_create("A")
    again = scene.online().login("ALICE")
    assert again.session_open("A") == 2
    assert again.session_open("A", None, 0) == 2
    assert again.session() == 0
    alice.session_close()
    assert again.session_open("A", None, 0) == 0


def test_the_time_out_stops_at_an_open_and_starts_anew_at_the_next_close(scene: Scene) -> None:
    alice = scene.online(SESNPRV=5, SESOPT=1).login("ALICE")
    alice.session_create("A", None, 100, "NOOPEN")
    for _ in range(3):
        scene.pass_time("A", "ALICE", 90)
        assert alice.session_open("A") == 0
        alice.session_close()
    scene.pass_time("A", "ALICE", 101)
    assert alice.session_open("A") == 1


@pytest.mark.parametrize("sesid", ["", None, "x" * 256])
def test_an_id_that_is_none_cancels_the_request(alice: Thread, sesid: str) -> None:
    with pytest.raises(RequestCancelled):
        alice.session_open(sesid)


@pytest.mark.parametrize("timeout", [-2, -0.5, 1e12])
def test_a_wait_that_makes_no_sense_cancels_the_request(alice: Thread, timeout: float) -> None:
    alice.session_create("A", opts="NOOPEN")
    with pytest.raises(RequestCancelled):
        alice.session_open("A", None, timeout)


@pytest.mark.parametrize("sesid", ["A", "B"])
def test_with_one_open_another_cancels_the_request(alice: Thread, sesid: str) -> None:
    alice.session_create("B", opts="NOOPEN")
    alice.session_create("A")
    with pytest.raises(RequestCancelled, match="close it first"):
        alice.session_open(sesid)
    assert alice.session_id() == "A"


def test_one_that_is_to_be_deleted_is_in_use_and_then_not_found(scene: Scene) -> None:
    online = scene.online(SESNPRV=5)
    holder, other = online.login("ALICE"), online.login("ALICE")
    holder.session_create("A")
    assert holder.session_delete("A") == 2
    assert other.session_open("A") == 2
    assert other.session_create("A") == 1  # its id stays taken
    holder.session_close()
    assert other.session_open("A") == 1
    assert other.session_create("A") == 0
