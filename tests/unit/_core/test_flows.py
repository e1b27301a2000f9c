"""Flows, fed by hand: what they ask for next after each answer, and how they clean up."""

from __future__ import annotations

from typing import Any

import pytest

from sessionstore._core import flows
from sessionstore._core.keys import Keyspace
from sessionstore._core.operation import Operation, Wake, batch, each
from sessionstore._core.records import Held
from sessionstore._core.sessions import ANY, read
from sessionstore.errors import QuotaExceeded, SessionInUse, SessionNotFound, StoreUnavailable

KEYS = Keyspace("ss", 4)
HOME = KEYS.named("a", "alice")
OPENED = [b"OPEN", 31_000, 30_000, [b"f", b"7", b"t", b"9", b"c", b"1", b"a", b"1", b".n", b"\x01"]]
QUEUED = [b"QUEUED", 5_000, 700]


def opening(**how: Any) -> Any:
    asked = {"lease_ms": None, "wait_ms": 4_000, "fields": None} | how
    return flows.open_session(KEYS, HOME, "me", ANY, **asked)


def finished(flow: Any, answer: Any) -> Any:
    with pytest.raises(StopIteration) as stop:
        flow.send(answer)
    return stop.value.value


def test_a_free_session_is_opened_in_one_round_trip() -> None:
    flow = opening()
    asked = next(flow)
    assert asked.script.name == "open"
    opened = finished(flow, OPENED)
    assert (opened.home, opened.lease_ms) == (HOME, 30_000)


def test_a_waiter_asks_queues_waits_and_asks_again_under_one_ticket() -> None:
    flow = opening()
    first = next(flow)
    wake = flow.send(QUEUED)
    assert isinstance(wake, Wake)
    assert wake.milliseconds == 700
    assert wake.key == HOME.wake(first.args[0])
    again = flow.send(None)
    assert isinstance(again, Operation)
    assert again.args[0] == first.args[0]
    assert 5_000 in again.args
    assert isinstance(flow.send(QUEUED), Wake)
    flow.send(None)
    finished(flow, OPENED)


def test_a_waiter_looks_by_itself_now_and_then() -> None:
    flow = opening(wait_ms=3_600_000)
    next(flow)
    wake = flow.send([b"QUEUED", 3_600_000, 1_800_000])
    assert wake.milliseconds == flows.RECHECK
    flow.send(None)
    with pytest.raises(SessionInUse):
        flow.send([b"HELD", b"other", 9_000, 2])


@pytest.mark.parametrize("at", ["asking", "waiting"])
def test_who_is_cancelled_leaves_the_line(at: str) -> None:
    flow = opening()
    first = next(flow)
    if at == "waiting":
        flow.send(QUEUED)
    leaving = flow.throw(KeyboardInterrupt())
    assert leaving.script.name == "abandon"
    assert leaving.args == (first.args[0],)
    with pytest.raises(KeyboardInterrupt):
        flow.send(b"ABANDONED")


def test_who_is_refused_has_nothing_to_leave() -> None:
    flow = opening()
    next(flow)
    with pytest.raises(QuotaExceeded):
        flow.send([b"FULL", 64])


def test_who_cannot_reach_the_server_leaves_it_to_time() -> None:
    flow = opening()
    next(flow)
    with pytest.raises(StoreUnavailable):
        flow.throw(StoreUnavailable("gone"))


def test_leases_are_renewed_with_one_call_for_each_bucket() -> None:
    homes = [KEYS.named(f"n{n}", owner) for n in range(3) for owner in ("u1", "u2", "u3", "u4")]
    flow = flows.renew([Held(home, n, None, 0) for n, home in enumerate(homes)])
    asked = next(flow)
    assert len(asked) == len({home.bucket.name for home in homes})
    by_key = {home.session: 1000 + n for n, home in enumerate(homes)}
    answers = [[by_key[key] for key in operation.keys[1:]] for operation in asked]
    assert finished(flow, answers) == [1000 + n for n in range(len(homes))]


def test_a_server_that_does_not_answer_costs_only_its_own_leases() -> None:
    homes = [KEYS.named(f"n{n}", owner) for n in range(3) for owner in ("u1", "u2", "u3", "u4")]
    flow = flows.renew([Held(home, n, None, 0) for n, home in enumerate(homes)])
    asked = next(flow)
    gone = StoreUnavailable("gone")
    answers = [gone, *([7] * (len(operation.keys) - 1) for operation in asked[1:])]
    lost = set(asked[0].keys)
    assert finished(flow, answers) == [gone if home.session in lost else 7 for home in homes]


def test_of_many_operations_each_has_its_answer_or_its_error_or_all_fail() -> None:
    good, bad = (read(KEYS.named(name, ""), ANY) for name in ("good", "bad"))
    asked = [good, bad] * 50
    gone = StoreUnavailable("gone")
    flow: Any = each(asked)
    assert flow.send(None) == asked[:64]
    assert flow.send([b"ABSENT", gone] * 32) == asked[64:]
    found = finished(flow, [b"ABSENT", gone] * 18)
    assert [type(one) for one in found] == [SessionNotFound, StoreUnavailable] * 50

    flow = batch(asked)
    flow.send(None)
    with pytest.raises(SessionNotFound):
        flow.send([b"ABSENT", gone] * 32)
    flow = batch([bad])
    flow.send(None)
    with pytest.raises(StoreUnavailable):
        flow.send([gone])
