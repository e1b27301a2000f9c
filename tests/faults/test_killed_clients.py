"""Holders and waiters are killed, or hang: nothing is lost, and nobody waits for long."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from sessionstore import LeaseLost, QuotaExceeded, SessionInUse, SessionStore
from tests.faults import jobs
from tests.faults.checks import living, renew_no_more, waiting
from tests.support.processes import Child, all_of, children
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.servers import Standalone

LEASE = 0.4
CONFIRM = 2.0
"""Seconds that a grant stays for a waiter that does not take it up."""
SLACK = 1.5
"""Seconds that this machine may be busy with something else."""


def test_the_session_of_a_killed_holder_is_free_after_its_lease_with_all_it_saved(
    server: Standalone, store: SessionStore, prefix: str
) -> None:
    store.create("a", data={"marks": []}, open=False)
    marks = []
    for _ in range(15):
        with Child(jobs.hold, server.url, prefix, LEASE, 5.0) as holder:
            assert holder.hear() == "ready"
            marks.append(holder.hear())
            holder.kill9()
            begun = time.monotonic()
            with store.open("a", wait=5) as session:
                assert time.monotonic() - begun < LEASE + SLACK
                assert session["marks"] == marks
                assert session.fence > marks[-1]
    assert sum(event.kind == "lease lost" for event in store.events()) == 15


def test_a_waiter_gets_the_session_when_the_lease_of_a_killed_holder_is_over(
    server: Standalone, store: SessionStore, prefix: str
) -> None:
    store.create("a", data={"marks": []}, open=False)
    with Child(jobs.hold, server.url, prefix, LEASE, 5.0) as holder:
        holder.hear()
        holder.hear()
        with children(3, jobs.wait_in_line, server.url, prefix, 30.0) as waiters:
            all_of(waiters)
            for place, waiter in enumerate(waiters, 1):
                waiter.tell("go")
                wait_until(lambda n=place: waiting(server, prefix) == n, "it is in line")  # type: ignore[misc]
            holder.kill9()
            begun = time.monotonic()
            fences = all_of(waiters)
            assert time.monotonic() - begun < LEASE + SLACK
            for waiter in waiters:
                waiter.end()
        assert fences == sorted(fences)
    assert store.read("a")["marks"][1:] == [0, 1, 2]


def test_killed_waiters_do_not_hold_up_the_next_and_the_line_keeps_its_order(
    server: Standalone, store: SessionStore, prefix: str
) -> None:
    store.create("a", data={"marks": []}, open=False)
    held = store.open("a")
    with children(6, jobs.wait_in_line, server.url, prefix, 60.0) as line:
        all_of(line)
        for place, waiter in enumerate(line, 1):
            waiter.tell("go")
            wait_until(lambda n=place: waiting(server, prefix) == n, "it is in line")  # type: ignore[misc]
        for dead in (0, 2, 3):
            line[dead].kill9()
        held.close()
        begun = time.monotonic()
        for number in (1, 4, 5):
            line[number].hear()
        assert time.monotonic() - begun < 3 * (CONFIRM + SLACK)
        for number in (1, 4, 5):
            line[number].end()
    with store.open("a", wait=0) as session:
        assert session["marks"] == [1, 4, 5]


CROWDS = [jobs.crowd_in_line, jobs.crowd_of_tasks_in_line]


def opened_by_a_newcomer(store: SessionStore) -> float:
    """Return how long it takes somebody who asks again for as long as the line is full."""
    begun = time.monotonic()

    def opened() -> bool:
        try:
            store.open("a", wait=30).close()
        except QuotaExceeded:
            return False
        return True

    wait_until(opened, "there is room in the line")
    return time.monotonic() - begun


@pytest.mark.parametrize("crowd", CROWDS)
def test_a_crowd_that_was_killed_in_line_holds_up_a_newcomer_for_seconds(
    server: Standalone, store: SessionStore, prefix: str, crowd: Callable[..., None]
) -> None:
    """However many: one of them gets its turn and misses it, and after that all are known to be."""
    held = store.create("a")
    with Child(crowd, server.url, prefix, 64, 100.0) as dead:
        assert dead.hear() == "ready"
        wait_until(lambda: waiting(server, prefix) == 64, "all are in line")
        with pytest.raises(QuotaExceeded):
            store.open("a", wait=30)
        dead.kill9()
        held.close()
        assert opened_by_a_newcomer(store) < CONFIRM + SLACK


def test_a_crowd_that_has_long_been_dead_holds_up_nobody(
    server: Standalone, store: SessionStore, prefix: str
) -> None:
    held = store.create("a")
    with Child(jobs.crowd_in_line, server.url, prefix, 64, 100.0) as dead:
        dead.hear()
        wait_until(lambda: waiting(server, prefix) == 64, "all are in line")
        dead.kill9()
    with Child(jobs.wait_in_line, 1, server.url, prefix, 60.0) as late:
        late.hear()
        late.tell("go")
        wait_until(lambda: living(server, prefix) == 0, "they are known to be dead")
        begun = time.monotonic()
        held.close()
        store.open("a", wait=0).close()
        assert time.monotonic() - begun < SLACK


def test_a_waiter_that_hung_is_passed_over_at_once_and_keeps_its_place(
    server: Standalone, store: SessionStore, prefix: str
) -> None:
    held = store.create("a", data={"marks": []})
    with ExitStack() as stack:
        line = []
        for place in range(1, 4):
            waiter = stack.enter_context(Child(jobs.hold, server.url, prefix, 30.0, 60.0))
            wait_until(lambda n=place: waiting(server, prefix) == n, "it is in line")  # type: ignore[misc]
            assert waiter.hear() == "ready"
            line.append(waiter)
        hung, second, third = line
        hung.pause()
        wait_until(lambda: living(server, prefix) == 2, "one is known to hang")
        begun = time.monotonic()
        held.close()
        fences = [second.hear()]
        assert time.monotonic() - begun < SLACK
        hung.resume()
        wait_until(lambda: living(server, prefix) == 2, "it has given a sign of life")
        for follower, waiter in ((hung, second), (third, hung)):
            waiter.tell("close")
            assert waiter.hear() == "done"
            fences.append(follower.hear())
    assert fences == sorted(set(fences))


def held_now(store: SessionStore) -> bool:
    return store.read("a").info.holder is not None


def test_clients_killed_in_a_loop_lose_no_acknowledged_update(
    server: Standalone, store: SessionStore, prefix: str
) -> None:
    store.create("a", data={"marks": []}, open=False)
    saved = []
    with Child(jobs.hold, server.url, prefix, LEASE, 60.0) as first:
        first.hear()
        saved.append(first.hear())
        victims = [first]
        try:
            for _ in range(12):
                after = Child(jobs.hold, server.url, prefix, LEASE, 60.0)
                victims.append(after)
                after.hear()
                wait_until(lambda: waiting(server, prefix) == 1, "it is in line")
                victims[-2].kill9()
                saved.append(after.hear(LEASE + CONFIRM + SLACK))
        finally:
            for victim in victims:
                victim.kill9()
    with store.open("a", wait=5) as session:
        assert session["marks"] == saved
    assert saved == sorted(set(saved))


@pytest.mark.parametrize("word", ["save", "close", "delete", "renew"])
@pytest.mark.parametrize("taken", [True, False])
def test_what_a_holder_does_that_was_stopped_past_its_lease_is_refused_and_does_not_land(
    server: Standalone, store: SessionStore, prefix: str, word: str, taken: bool
) -> None:
    store.create("a", data={"marks": []}, open=False)
    with Child(jobs.hold, server.url, prefix, LEASE, 5.0) as holder:
        holder.hear()
        fence = holder.hear()
        holder.pause()
        try:
            if taken:
                with store.open("a", wait=5) as session:
                    session["marks"] = [*session["marks"], "mine"]
            else:
                wait_until(lambda: not held_now(store), "its lease is over")
        finally:
            holder.tell(word)
            holder.resume()
        assert holder.hear() == "lost"
    assert store.read("a")["marks"] == ([fence, "mine"] if taken else [fence])


def test_a_holder_that_works_for_longer_than_its_lease_keeps_the_session(
    server: Standalone, store: SessionStore, prefix: str
) -> None:
    store.create("a", data={"marks": []}, open=False)
    with Child(jobs.hold, server.url, prefix, LEASE, 5.0) as holder:
        holder.hear()
        holder.hear()
        with pytest.raises(SessionInUse):
            store.open("a", wait=3 * LEASE)
        holder.tell("close")
        assert holder.hear() == "done"
    assert store.open("a", wait=0)["marks"][1:] == ["late"]


def test_a_late_write_through_the_same_store_is_refused_too(store: SessionStore) -> None:
    session = store.create("a", data={"n": 0})
    renew_no_more(store)
    store.configure(lease=LEASE)
    zombie = store.create("b", data={"n": 0})
    renew_no_more(store)
    wait_until(lambda: store.read("b").info.holder is None, "its lease is over")
    zombie["n"] = 1
    with pytest.raises(LeaseLost):
        zombie.save()
    with pytest.raises(LeaseLost):
        zombie.close()
    assert store.read("b")["n"] == 0
    session.close()
