"""Many processes at once: one holder, exact counters, exact limits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from sessionstore import QuotaExceeded, SessionStore
from sessionstore._core import parameters
from tests.faults import jobs
from tests.support.processes import all_of, children

if TYPE_CHECKING:
    from tests.support.servers import Standalone

CROWD = 40
TIMES = 5
RUNS = 40
LIMIT = 5
CREATORS = 20


def test_forty_processes_open_one_session_at_the_same_time_and_no_update_is_lost(
    server: Standalone, store: SessionStore, prefix: str
) -> None:
    store.create("a", data={"n": 0}, open=False)
    with children(CROWD, jobs.add_many, server.url, prefix, TIMES) as crowd:
        assert set(all_of(crowd)) == {"ready"}
        for child in crowd:
            child.tell("go")
        seen = [pair for pairs in all_of(crowd) for pair in pairs]
    assert store.read("a")["n"] == CROWD * TIMES
    assert sorted(number for number, _ in seen) == list(range(1, CROWD * TIMES + 1))
    fences = [fence for _, fence in sorted(seen)]
    assert fences == sorted(set(fences)), "fences rise in the order of the openings"


@pytest.mark.parametrize("opened", [True, False])
def test_of_twenty_simultaneous_creates_of_one_owner_exactly_as_many_succeed_as_the_limit_allows(
    server: Standalone, store: SessionStore, prefix: str, opened: bool
) -> None:
    store.configure(max_per_owner=LIMIT)
    with children(CREATORS, jobs.create_when_told, server.url, prefix, opened) as crowd:
        all_of(crowd)
        for round_ in range(RUNS):
            for child in crowd:
                child.tell(round_)
            said = all_of(crowd)
            assert said.count("made") == LIMIT
            assert said.count("QuotaExceeded") == CREATORS - LIMIT
            assert store.count(f"ann{round_}") == LIMIT


@pytest.mark.parametrize("opened", [True, False])
def test_of_twenty_simultaneous_creates_exactly_as_many_succeed_as_there_are_seats(
    server: Standalone, store: SessionStore, prefix: str, opened: bool
) -> None:
    store.configure(max_private=LIMIT)
    with children(CREATORS, jobs.create_when_told, server.url, prefix, opened) as crowd:
        all_of(crowd)
        for round_ in range(RUNS):
            for child in crowd:
                child.tell(round_)
            said = all_of(crowd)
            assert said.count("made") == LIMIT
            assert said.count("QuotaExceeded") == CREATORS - LIMIT
            assert store.count() == LIMIT
            for child in crowd:
                child.tell("end")
            all_of(crowd)


@pytest.mark.parametrize("limits", [{"max_per_owner": LIMIT}, {"max_private": LIMIT}])
def test_twenty_simultaneous_creates_that_evict_all_succeed_and_leave_as_many_as_the_limit_allows(
    server: Standalone, store: SessionStore, prefix: str, limits: dict[str, int]
) -> None:
    store.configure(at_limit="evict", **limits)
    with children(CREATORS, jobs.create_when_told, server.url, prefix, False) as crowd:
        all_of(crowd)
        for round_ in range(RUNS):
            for child in crowd:
                child.tell(round_)
            said = all_of(crowd)
            assert said == ["made"] * CREATORS
            whose = f"ann{round_}" if "max_per_owner" in limits else None
            assert store.count(whose) == LIMIT


@pytest.mark.parametrize("killed", [False, True])
def test_of_processes_that_configure_at_once_one_comes_last_in_every_bucket(
    server: Standalone, store: SessionStore, prefix: str, killed: bool
) -> None:
    keys, driver = store._calls.keys, store._driver
    for round_ in range(6):
        with children(4, jobs.configure_when_told, server.url, prefix) as crowd:
            all_of(crowd)
            for child in crowd:
                child.tell(round_)
            if killed:
                crowd[round_ % 4].kill9()
            else:
                assert {found.max_per_owner for found in all_of(crowd)} <= {1, 2, 3, 4}
        limits = store.parameters()
        there = [driver.do(parameters.stored(bucket.parameters)) for bucket in keys.buckets]
        assert all(found == there[0] for found in there)
        assert there[0]["max_per_owner"] == str(limits.max_per_owner)
        pool = driver.do(parameters.stored(keys.pool("private").limit))
        private = None if limits.max_private is None else str(limits.max_private)
        assert pool.get("limit") == private


def test_a_limit_holds_for_the_threads_of_one_process(store: SessionStore) -> None:
    store.configure(max_per_owner=LIMIT)
    for round_ in range(RUNS):
        together = threading.Barrier(CREATORS)
        made = []

        def create(
            number: int, owner: str = f"bob{round_}", together: threading.Barrier = together,
            made: list[int] = made,
        ) -> None:  # fmt: skip
            together.wait()
            try:
                store.create(f"{owner}-{number}", owner=owner)
            except QuotaExceeded:
                return
            made.append(number)

        threads = [threading.Thread(target=create, args=(number,)) for number in range(CREATORS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == LIMIT
        assert store.count(f"bob{round_}") == LIMIT
