"""Timeouts: SESMAXTO over all of them, and what SESOPT makes of a session that timed out."""

from __future__ import annotations

import pytest

from sessionstore.dialects.soul import Online, Thread
from sessionstore.dialects.soul import _cleanup as cleanup
from tests.dialects.soul.conftest import Scene, ids
from tests.support.wait import wait_until


def kinds(online: Online) -> list[str]:
    return [event.kind for event in online.store.events() if event.kind != "created"]


# SESMAXTO


def test_the_default_timeout_is_capped_too(scene: Scene) -> None:
    online = scene.online(SESNPRV=9, SESDEFTO=900, SESMAXTO=60)
    alice = online.login("ALICE")
    alice.session_create("A")
    assert alice.session_timeout() == 60
    assert online.SESDEFTO == 900
    alice.session_close(timeout=-1)
    alice.session_open("A")
    assert alice.session_timeout() == 60


def test_lowered_it_shortens_every_session_for_every_online(scene: Scene) -> None:
    one, two = scene.online(SESNPRV=9, SESUMAX=9, SESOPT=1), scene.online()
    alice, bob = one.login("ALICE"), two.login("BOB")
    alice.session_create("IDLE", None, 900, "NOOPEN")
    alice.session_create("SHORT", None, 5, "NOOPEN")
    alice.session_create("HELD", None, 900)
    bob.session_create("FRESH", None, 900, "NOOPEN")
    scene.pass_time("IDLE", "ALICE", 100)
    two.reset("SESMAXTO", 60)
    assert kinds(one) == ["expired"]
    root = one.login("ROOT", privileged=True)
    assert timeouts(root) == {"SHORT": 5, "HELD": 60, "FRESH": 60}


def timeouts(thread: Thread) -> dict[str, int]:
    listid = thread.list_new()
    rows = range(1, thread.session_list(listid, "*", "*") + 1)
    items = [thread.list_inf(listid, row) for row in rows]
    return {item[50:]: int(item[10:16]) for item in items}


def test_raised_again_it_does_not_give_back(scene: Scene) -> None:
    online = scene.online(SESNPRV=9, SESOPT=1)
    alice = online.login("ALICE")
    alice.session_create("A", None, 900, "NOOPEN")
    online.reset("SESMAXTO", 60)
    online.reset("SESMAXTO", 3600)
    assert timeouts(alice) == {"A": 60}
    online.reset("SESMAXTO", -1)
    assert timeouts(alice) == {"A": 60}


def test_nought_ends_the_closed_ones_at_once_and_the_open_ones_at_their_close(
    scene: Scene,
) -> None:
    online = scene.online(SESNPRV=9, SESUMAX=9, SESOPT=1)
    alice = online.login("ALICE")
    alice.session_create("A", opts="NOOPEN")
    alice.session_create("B")
    online.reset("SESMAXTO", 0)
    assert ids(alice) == ["B"]
    assert alice.session_close() == 0
    assert ids(alice) == []
    assert alice.session_open("B") == 1


# SESOPT


def test_with_neither_bit_it_stays_counts_and_can_be_opened(scene: Scene) -> None:
    online = scene.online(SESNPRV=9, SESUMAX=1)
    alice = online.login("ALICE")
    alice.session_create("A", None, 60, "NOOPEN")
    scene.pass_time("A", "ALICE", 3600)
    assert ids(alice) == ["A"]
    assert alice.session_create("B", opts="NOOPEN") == 3
    assert alice.session_create("A", opts="NOOPEN") == 1
    assert alice.session_open("A") == 0
    assert alice.session_close() == 0
    assert kinds(online) == []
    scene.pass_time("A", "ALICE", 3600)
    assert alice.session_delete("A") == 0


def test_with_neither_bit_it_counts_for_the_online_too(scene: Scene) -> None:
    online = scene.online(SESNPRV=1)
    online.login("ALICE").session_create("A", None, 60, "NOOPEN")
    scene.pass_time("A", "ALICE", 3600)
    assert online.login("BOB").session_create("A") == 2


CALLS = {
    "create": lambda thread: thread.session_create("N", opts="NOOPEN"),
    "open": lambda thread: thread.session_open("NONE"),
    "close": lambda thread: thread.session_close(),
    "delete": lambda thread: thread.session_delete("NONE"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("bits", "cleaned"), [(0, False), (1, True), (2, False), (3, False)])
def test_bit_1_cleans_up_at_each_of_four_calls_if_bit_2_is_off(
    scene: Scene, call: str, bits: int, cleaned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "EVERY_SECONDS", 3600)  # the background has nothing to do here
    online = scene.online(SESNPRV=9, SESUMAX=9, SESOPT=bits)
    alice, bob = online.login("ALICE"), online.login("BOB")
    bob.session_create("A", None, 60, "NOOPEN")
    if call == "close":
        alice.session_create("HELD")
    scene.pass_time("A", "BOB", 61)
    assert kinds(online) == []
    CALLS[call](alice)
    assert (kinds(online) == ["expired"]) is cleaned


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_with_any_bit_a_session_is_over_when_it_times_out(
    scene: Scene, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "EVERY_SECONDS", 3600)  # whether it has been removed or not
    online = scene.online(SESNPRV=9, SESOPT=bits)
    alice = online.login("ALICE")
    alice.session_create("A", None, 60, "NOOPEN")
    scene.pass_time("A", "ALICE", 61)
    assert ids(alice) == []
    assert alice.session_open("A") == 1


def test_bit_2_deletes_it_in_the_background(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "EVERY_SECONDS", 0.01)
    online = scene.online(SESNPRV=9, SESOPT=2)
    alice = online.login("ALICE")
    alice.session_create("A", None, 0.05)
    alice.session_close()
    wait_until(lambda: kinds(online) == ["expired"], "it is deleted")


def test_the_background_thread_is_there_while_sessions_are(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "EVERY_SECONDS", 0.01)
    online = scene.online(SESNPRV=9, SESOPT=2)
    wait_until(lambda: not online._cleanup.running, "there was nothing to do")
    alice = online.login("ALICE")
    alice.session_create("A", None, 60, "NOOPEN")
    assert online._cleanup.running
    alice.session_delete("A")
    wait_until(lambda: not online._cleanup.running, "the last one is gone")
    alice.session_create("B")
    assert not online._cleanup.running  # it is open
    alice.session_close()
    assert online._cleanup.running
    alice.session_open("B")
    alice.session_delete("B")
    alice.session_close()
    wait_until(lambda: not online._cleanup.running, "the last one is gone again")
    alice.session_create("C")
    alice.logout()
    assert online._cleanup.running
    another = scene.online(SESOPT=2)
    assert another._cleanup.running  # for what was there before
    online.close()
    assert not online._cleanup.running


def test_a_session_left_just_when_the_background_thread_ends_is_not_forgotten(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "EVERY_SECONDS", 0.01)
    store = scene.store()
    pst = cleanup.Cleanup(store, 2)
    counts: list[int] = []

    def count() -> int:
        counts.append(0)
        if len(counts) == 1:
            pst.session_left()  # after it was counted, and before the thread is gone
        return 0

    monkeypatch.setattr(store, "count", count)
    pst.session_left()
    wait_until(lambda: len(counts) == 2 and not pst.running, "it has looked once more")
    pst.close()


def test_without_bit_2_there_is_no_background_thread(scene: Scene) -> None:
    for bits in (0, 1):
        online = scene.online(SESNPRV=9, SESOPT=bits)
        online.login("ALICE").session_create("A", opts="NOOPEN")
        assert not online._cleanup.running


def test_a_store_that_is_out_of_reach_does_not_end_the_background_thread(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sessionstore import StoreUnavailable

    monkeypatch.setattr(cleanup, "EVERY_SECONDS", 0.01)
    online = scene.online(SESNPRV=9, SESOPT=2)
    failures = iter(range(3))

    def sweep() -> int:
        if next(failures, None) is not None:
            raise StoreUnavailable("out of reach")
        return 0

    monkeypatch.setattr(online.store, "sweep", sweep)
    online.login("ALICE").session_create("A", opts="NOOPEN")
    wait_until(lambda: next(failures, None) is None, "it has tried again")
    assert online._cleanup.running


def test_a_store_that_is_closed_ends_the_background_thread(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "EVERY_SECONDS", 0.01)
    online = scene.online(SESNPRV=9, SESOPT=2)
    online.login("ALICE").session_create("A", opts="NOOPEN")
    online.store.close()
    wait_until(lambda: not online._cleanup.running, "it has ended")


def test_one_that_times_out_just_when_the_background_thread_ends_is_removed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "EVERY_SECONDS", 0.01)
    store = scene.store()
    store.create("A", owner="ALICE", timeout=60, open=False)
    pst = cleanup.Cleanup(store, 2)
    steps: list[str] = []
    count, sweep = store.count, store.sweep

    def passing(step: str) -> None:
        steps.append(step)
        if len(steps) == 2:  # between the first two things that it does
            scene.pass_time("A", "ALICE", 61)

    monkeypatch.setattr(store, "count", lambda: (passing("count"), count())[1])
    monkeypatch.setattr(store, "sweep", lambda: (passing("sweep"), sweep())[1])
    pst.session_left()
    wait_until(lambda: not pst.running, "nothing is left to do")
    pst.close()
    assert [event.kind for event in store.events()] == ["created", "expired"]
