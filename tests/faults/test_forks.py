"""A forked child may use its parent's store; it never releases its parent's sessions."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
import warnings
from typing import TYPE_CHECKING

import pytest

from sessionstore import SessionNotOpen, SessionStore
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

LEASE = 0.4

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")


def fork() -> int:
    with warnings.catch_warnings():
        # From Python 3.12 on: that threads and forks go badly together. It is what is tried.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


class Forked:
    """A child by `os.fork`; it is bounded, and ends with 0 if its job raised nothing."""

    def __init__(self, job: Callable[[], None]) -> None:
        self.pid = fork()
        if self.pid == 0:
            signal.alarm(20)
            status = 1
            try:
                job()
                status = 0
            except BaseException:  # noqa: BLE001 - a child never comes back from here
                traceback.print_exc()
            finally:
                os._exit(status)

    def ends(self) -> bool:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            assert os.waitstatus_to_exitcode(status) == 0
        return pid != 0


def wait_for(child: Forked) -> None:
    wait_until(child.ends, "the child ends", timeout=25)


def add(store: SessionStore, id: str, times: int) -> None:
    for _ in range(times):
        with store.open(id, wait=30) as session:
            session["n"] += 1


def test_parent_and_children_share_a_store_object_without_mixing_up_answers(
    store: SessionStore,
) -> None:
    for id in ("all", "0", "1", "2", "3", "parent"):
        store.create(id, data={"n": 0, "me": id}, open=False)

    def work(own: str) -> None:
        for _ in range(100):
            add(store, own, 1)
            assert store.read(own)["me"] == own
        add(store, "all", 20)

    children = [Forked(lambda own=str(number): work(own)) for number in range(4)]  # type: ignore[misc]
    work("parent")
    for child in children:
        wait_for(child)
    assert store.read("all")["n"] == 100
    assert [store.read(id)["n"] for id in ("0", "1", "2", "3", "parent")] == [100] * 5


def test_children_forked_while_threads_use_the_store_work_too(store: SessionStore) -> None:
    store.create("all", data={"n": 0}, open=False)
    enough = threading.Event()
    added = [0, 0]

    def busy(number: int) -> None:
        while not enough.is_set():
            add(store, "all", 1)
            added[number] += 1

    threads = [threading.Thread(target=busy, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            wait_for(Forked(lambda: add(store, "all", 5)))
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    assert store.read("all")["n"] == 50 + sum(added)


def leave_quietly(store: SessionStore) -> None:
    del store


def leave_by_an_error(store: SessionStore) -> None:
    with pytest.raises(SystemExit), store:
        raise SystemExit(0)


def leave_after_use(store: SessionStore) -> None:
    store.create(f"child{os.getpid()}").close()
    store.close()


@pytest.mark.parametrize("leave", [leave_quietly, leave_by_an_error, leave_after_use])
def test_the_exit_of_a_child_releases_nothing_that_its_parent_holds(
    store: SessionStore, leave: Callable[[SessionStore], None]
) -> None:
    held = store.create("a", data={"n": 0})
    held["n"] = 1
    wait_for(Forked(lambda: leave(store)))
    assert store.read("a").info.holder == store.label
    held.close()
    assert store.read("a")["n"] == 1


def test_a_child_that_unwinds_through_the_with_block_of_its_parent_releases_nothing(
    store: SessionStore,
) -> None:
    store.create("a", data={"n": 0}, open=False)
    parent = os.getpid()

    def in_block() -> None:
        with store.open("a") as session:
            session["n"] = 1
            child = Forked(lambda: unwind(session))
            wait_for(child)
            assert os.getpid() == parent
            assert store.read("a").info.fence == session.fence
            assert store.read("a").info.holder is not None
            assert store.read("a")["n"] == 0

    def unwind(session: object) -> None:
        with pytest.raises(SystemExit), session:  # type: ignore[attr-defined]
            raise SystemExit(0)

    in_block()
    assert store.read("a")["n"] == 1


def test_a_session_belongs_to_the_parent_and_a_child_is_refused(store: SessionStore) -> None:
    held = store.create("a", data={"n": 0})
    held["n"] = 1

    def use() -> None:
        calls: list[Callable[[], object]] = [
            held.save, held.close, held.discard, held.renew, held.delete,
            lambda: held.list("l").append(1), lambda: held.update(n=2),
        ]  # fmt: skip
        for call in calls:
            with pytest.raises(SessionNotOpen, match="child"):
                call()

    wait_for(Forked(use))
    held["m"] = 1
    held.close()
    assert dict(store.read("a")) == {"n": 1, "m": 1}


def test_a_child_forked_while_another_thread_saves_is_refused_and_does_not_hang(
    store: SessionStore,
) -> None:
    held = store.create("a", data={"n": 0})
    with held._turn:

        def use() -> None:
            with pytest.raises(SessionNotOpen, match="child"):
                held.save()

        wait_for(Forked(use))
    held.close()


def test_leases_are_renewed_in_the_parent_and_in_the_child(store: SessionStore) -> None:
    store.configure(lease=LEASE)
    mine = store.create("mine", data={"n": 0})

    def outlast(id: str) -> None:
        first = store.read(id).info.held_until
        assert first is not None

        def renewed() -> bool:
            until = store.read(id).info.held_until
            assert until is not None, "the lease has lapsed"
            return (until - first).total_seconds() > 3 * LEASE  # type: ignore[operator]

        wait_until(renewed, "the lease is renewed")

    def work() -> None:
        with store.create("theirs", data={"n": 0}) as session:
            outlast("theirs")
            session["n"] = 1
        assert store.read("theirs")["n"] == 1

    child = Forked(work)
    outlast("mine")
    wait_for(child)
    outlast("mine")
    mine["n"] = 1
    mine.close()
    assert store.read("mine")["n"] == 1
    assert "lease lost" not in [event.kind for event in store.events()]


def test_a_child_does_not_renew_what_its_parent_held_when_it_died(store: SessionStore) -> None:
    store.configure(lease=LEASE)
    reading, writing = os.pipe()

    def parent() -> None:
        session = store.create("a")
        if fork() == 0:
            os.close(reading)
            store.create("child")  # its own renewal runs
            signal.alarm(10)
            os.write(writing, b"%d" % os.getpid())
            signal.pause()
        wait_until(
            lambda: store.read("child").info.holder, "the grandchild works", ignore=(Exception,)
        )
        assert session.is_open

    wait_for(Forked(parent))
    grandchild = int(os.read(reading, 20))
    os.close(reading)
    os.close(writing)
    try:
        wait_until(lambda: store.read("a").info.holder is None, "the lease of the dead one ends")
        assert store.read("child").info.holder
    finally:
        os.kill(grandchild, signal.SIGKILL)
