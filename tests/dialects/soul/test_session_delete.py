"""$Session_Delete: at once, later, and waiting for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sessionstore.dialects.soul import Online, RequestCancelled, Thread
from tests.dialects.soul.conftest import Scene, ids, waits
from tests.support.wait import wait_until


def test_rc_0_ended_at_once(alice: Thread) -> None:
    alice.session_create("A", opts="NOOPEN")
    assert alice.session_delete("A") == 0
    assert ids(alice) == []
    assert alice.session_create("A") == 0  # the id is free


def test_rc_1_there_is_none_or_none_of_this_owner(alice: Thread, bob: Thread, root: Thread) -> None:
    assert alice.session_delete("A") == 1
    bob.session_create("A", opts="NOOPEN")
    assert alice.session_delete("A") == 1
    assert alice.session_delete("A", "BOB") == 1
    assert alice.session_delete("A", "*") == 1
    assert root.session_delete("A", "BOB") == 0
    assert root.session_delete("A", "BOB") == 1


def test_anybody_may_delete_a_public_session(alice: Thread, bob: Thread) -> None:
    alice.session_create("NEWS", "*", opts="NOOPEN")
    assert bob.session_delete("NEWS", "*") == 0


def test_rc_2_in_use_and_it_ends_at_the_close(alice: Thread, root: Thread) -> None:
    alice.session_create("A")
    assert root.session_delete("A", "ALICE") == 2
    assert root.session_delete("A", "ALICE", 0) == 2
    assert ids(root, "*", "ALICE") == ["A"]
    assert alice.session_close() == 0
    assert ids(root, "*", "ALICE") == []


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_rc_2_for_ones_own_without_waiting_for_oneself(alice: Thread, timeout: float) -> None:
    alice.session_create("A")
    with waits(alice) as waited:
        assert alice.session_delete(alice.session_id(), None, timeout) == 2
    assert not waited
    assert alice.session() == 1
    assert alice.session_close() == 0
    assert alice.session_open("A") == 1


def test_ones_own_public_session_is_ones_own(alice: Thread) -> None:
    alice.session_create("NEWS", "*")
    with waits(alice) as waited:
        assert alice.session_delete("NEWS", "*", 0.05) == 2
    assert not waited


def test_rc_2_after_a_wait_in_which_it_was_not_closed(alice: Thread, root: Thread) -> None:
    alice.session_create("A")
    assert root.session_delete("A", "ALICE", 0.05) == 2
    assert alice.session_close() == 0
    assert alice.session_open("A") == 1


def test_rc_0_after_a_wait_in_which_it_was_closed(
    scene: Scene, alice: Thread, root: Thread
) -> None:
    alice.session_create("A")
    with ThreadPoolExecutor(1) as pool:
        deleting = pool.submit(root.session_delete, "A", "ALICE", 60)
        wait_until(lambda: scene.world.waiting("ALICE:A") == 1, "it waits")
        assert alice.session_close() == 0
        assert deleting.result(60) == 0
    assert ids(root, "*", "*") == []


def test_rc_1_it_has_timed_out(scene: Scene) -> None:
    alice = scene.online(SESNPRV=5, SESOPT=1).login("ALICE")
    alice.session_create("A", None, 60, "NOOPEN")
    scene.pass_time("A", "ALICE", 61)
    assert alice.session_delete("A") == 1


@pytest.mark.parametrize(
    ("sesid", "timeout"), [("", 0), (None, 0), ("x" * 256, 0), ("A", -1), ("A", 1e12)]
)
def test_misuse_cancels_the_request(alice: Thread, sesid: str, timeout: float) -> None:
    alice.session_create("A", opts="NOOPEN")
    with pytest.raises(RequestCancelled):
        alice.session_delete(sesid, None, timeout)
    assert ids(alice) == ["A"]


def test_it_frees_its_place_within_the_limits(scene: Scene) -> None:
    online: Online = scene.online(SESNPRV=1, SESNPUB=1)
    alice = online.login("ALICE")
    for owner in ("ALICE", "*"):
        for _ in range(3):
            assert alice.session_create("A", owner, opts="NOOPEN") == 0
            assert alice.session_delete("A", owner) == 0
