"""$Session_Create: arguments, defaults, return codes and their order, misuse."""

from __future__ import annotations

import pickle

import pytest

from sessionstore import SessionStoreError
from sessionstore.dialects.soul import Online, RequestCancelled, Thread
from tests.dialects.soul.conftest import Scene, ids


def test_created_it_is_open_unless_told_otherwise(alice: Thread) -> None:
    assert alice.session_create("A") == 0
    assert alice.session() == 1
    alice.session_close()
    assert alice.session_create("B", None, -1, "NOOPEN") == 0
    assert alice.session() == 0
    assert alice.session_create("C", None, -1, "OPEN") == 0
    assert alice.session_id() == "C"
    assert ids(alice) == ["A", "B", "C"]


@pytest.mark.parametrize("opts", ["noopen", " NOOPEN ", "NOOPEN NOOPEN"])
def test_options_are_words_between_blanks(alice: Thread, opts: str) -> None:
    assert alice.session_create("A", opts=opts) == 0
    assert alice.session() == 0


@pytest.mark.parametrize("opts", ["", " "])
def test_no_options_are_the_default(alice: Thread, opts: str) -> None:
    assert alice.session_create("A", opts=opts) == 0
    assert alice.session() == 1


@pytest.mark.parametrize("opts", ["CLOSED", "OPEN,NOOPEN", "OPEN NOOPEN"])
def test_other_options_cancel_the_request(alice: Thread, opts: str) -> None:
    with pytest.raises(RequestCancelled):
        alice.session_create("A", opts=opts)
    assert ids(alice) == []


def test_many_can_be_made_closed_with_another_one_open(alice: Thread) -> None:
    alice.session_create("MINE")
    assert [alice.session_create(f"N{n}", opts="NOOPEN") for n in range(3)] == [0, 0, 0]
    assert alice.session_id() == "MINE"


def test_the_owner_is_the_user_if_not_said(alice: Thread, root: Thread) -> None:
    alice.session_create("A", opts="NOOPEN")
    alice.session_create("B", "", opts="NOOPEN")
    alice.session_create("C", "ALICE", opts="NOOPEN")
    assert ids(root, "*", "ALICE") == ["A", "B", "C"]


def test_anybody_may_make_a_public_session(alice: Thread, bob: Thread) -> None:
    assert alice.session_create("NEWS", "*") == 0
    assert alice.session_owner() == "*"
    alice.session_close()
    assert bob.session_open("NEWS", "*") == 0


def test_a_private_session_for_somebody_else_takes_the_privilege(
    alice: Thread, root: Thread
) -> None:
    with pytest.raises(RequestCancelled, match="another owner"):
        alice.session_create("A", "BOB")
    assert root.session_create("A", "BOB", -1, "NOOPEN") == 0
    assert root.session_create("B", "BOB") == 0
    assert root.session_owner() == "BOB"


def test_the_timeout_is_seconds_or_the_default(alice: Thread, online: Online) -> None:
    for sesid, timeout, shown in (("A", 30, 30), ("B", -1, 900), ("C", 0, 0)):
        alice.session_create(sesid, None, timeout)
        assert alice.session_timeout() == shown
        alice.session_close()
    alice.session_create("D")
    assert alice.session_timeout() == online.SESDEFTO == 900


def test_the_timeout_is_capped(online: Online, alice: Thread) -> None:
    online.reset("SESMAXTO", 100)
    for sesid, timeout in (("A", 3600), ("B", -1)):
        alice.session_create(sesid, None, timeout)
        assert alice.session_timeout() == 100
        alice.session_close()


def test_rc_1_the_owner_has_one_of_this_id(alice: Thread, bob: Thread) -> None:
    assert alice.session_create("A", opts="NOOPEN") == 0
    assert alice.session_create("A") == 1
    assert alice.session() == 0
    assert bob.session_create("A", opts="NOOPEN") == 0
    assert bob.session_create("A", "*", opts="NOOPEN") == 0
    assert alice.session_create("A", "*") == 1


def test_rc_2_the_limit_of_the_online(scene: Scene) -> None:
    online = scene.online(SESNPRV=2, SESNPUB=1, SESUMAX=2)
    alice, bob = online.login("ALICE"), online.login("BOB")
    assert alice.session_create("A", opts="NOOPEN") == 0
    assert bob.session_create("A", opts="NOOPEN") == 0
    assert bob.session_create("B") == 2
    assert bob.session_create("B", "*", opts="NOOPEN") == 0
    assert bob.session_create("C", "*") == 2


def test_rc_3_the_limit_of_the_user(scene: Scene) -> None:
    online = scene.online(SESNPRV=9, SESNPUB=9, SESUMAX=2)
    alice = online.login("ALICE")
    assert [alice.session_create(sesid, opts="NOOPEN") for sesid in "ABC"] == [0, 0, 3]
    assert alice.session_create("C", "*") == 0  # public ones are nobody's


def test_of_several_reasons_the_narrowest_is_told(scene: Scene) -> None:
    online = scene.online(SESNPRV=2, SESUMAX=2)
    alice, bob = online.login("ALICE"), online.login("BOB")
    assert [alice.session_create(sesid, opts="NOOPEN") for sesid in "AB"] == [0, 0]
    assert alice.session_create("A") == 1  # taken, and both limits reached
    assert alice.session_create("C") == 3  # both limits reached
    assert bob.session_create("A") == 2


def test_a_session_that_has_timed_out_is_in_nobodys_way(scene: Scene) -> None:
    online = scene.online(SESNPRV=1, SESOPT=1)
    alice = online.login("ALICE")
    assert alice.session_create("A", None, 60, "NOOPEN") == 0
    scene.pass_time("A", "ALICE", 61)
    assert alice.session_create("A") == 0


@pytest.mark.parametrize("sesid", ["", None])
def test_a_null_id_cancels_the_request(alice: Thread, sesid: str) -> None:
    with pytest.raises(RequestCancelled, match="id is required"):
        alice.session_create(sesid)


def test_an_id_that_cannot_be_kept_cancels_the_request(alice: Thread) -> None:
    for sesid in ("x" * 256, "line\nfeed"):
        with pytest.raises(RequestCancelled):
            alice.session_create(sesid)


@pytest.mark.parametrize("timeout", [-2, -0.5, 1e12, float("nan")])
def test_a_timeout_that_makes_no_sense_cancels_the_request(alice: Thread, timeout: float) -> None:
    with pytest.raises(RequestCancelled):
        alice.session_create("A", None, timeout)


def test_to_open_a_second_one_cancels_the_request(alice: Thread) -> None:
    alice.session_create("A")
    with pytest.raises(RequestCancelled, match=r"'A' of 'ALICE'.* is open"):
        alice.session_create("B")
    assert alice.session_id() == "A"
    assert ids(alice) == ["A"]


def test_what_cancels_says_in_which_function_and_why(alice: Thread) -> None:
    with pytest.raises(RequestCancelled) as caught:
        alice.session_create("")
    assert isinstance(caught.value, SessionStoreError)
    assert caught.value.function == "$Session_Create"
    assert caught.value.why == "the session id is required"
    assert str(caught.value) == "request cancelled in $Session_Create: the session id is required"


def test_what_cancels_survives_the_way_to_another_process() -> None:
    error = RequestCancelled("$Session_Open", why="because")
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - made in this very line
    assert (back.function, back.why, str(back)) == (error.function, error.why, str(error))
