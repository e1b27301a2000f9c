"""Histories of real processes, some of them killed, checked for linearizability."""

from __future__ import annotations

import os
import random
import threading
import time
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import LeaseLost, Session, SessionInUse, SessionStore
from tests.proof.histories import UNKNOWN, Call, linearizable
from tests.support.processes import Child, all_of
from tests.support.worlds import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.processes import Pipe
    from tests.support.worlds import Places

PROCESSES = 8
CYCLES = 12
SESSIONS = ("a", "b")
KILLED = 3
LEASE = 0.6
PATIENCE = 60.0
RUNS = 3


# The checker.


def serial(*said: tuple[int, str, Any, Any]) -> list[Call]:
    """A history in which one call comes after the other."""
    return [Call(*call, begun=10 * at, done=10 * at + 5) for at, call in enumerate(said)]


RIGHT = {
    "one after the other": serial(
        (1, "open", None, (10, 0)), (1, "write", 1, True), (1, "close", None, True),
        (2, "open", None, (11, 1)), (3, "read", None, 1), (2, "write", 2, True),
        (3, "read", None, 2), (2, "close", None, True), (1, "open", None, (12, 2)),
    ),
    "a waiter whose open began before the close": [
        Call(1, "open", None, (10, 0), 0, 5), Call(2, "open", None, (11, 7), 6, 40),
        Call(1, "write", 7, True, 10, 20), Call(1, "close", None, True, 21, 45),
    ],
    "a killed holder whose lease is over, its last write seen": [
        Call(1, "open", None, (10, 0), 0, 5), Call(1, "write", 1, UNKNOWN, 10),
        Call(1, "lapse", None, UNKNOWN, 11), Call(2, "open", None, (11, 1), 20, 30),
    ],
    "a killed holder whose lease is over, its last write not seen": [
        Call(1, "open", None, (10, 0), 0, 5), Call(1, "write", 1, UNKNOWN, 10),
        Call(1, "lapse", None, UNKNOWN, 11), Call(2, "open", None, (11, 0), 20, 30),
    ],
    "a stale holder that is refused": [
        Call(1, "open", None, (10, 0), 0, 5), Call(1, "lapse", None, UNKNOWN, 5),
        Call(2, "open", None, (11, 0), 20, 30), Call(1, "write", 1, False, 40, 50),
        Call(2, "write", 2, True, 60, 70), Call(3, "read", None, 2, 80, 90),
    ],
}  # fmt: skip

WRONG = {
    "a double open": serial((1, "open", None, (10, 0)), (2, "open", None, (11, 0))),
    "a double open of calls that overlap": [
        Call(1, "open", None, (10, 0), 0, 50), Call(2, "open", None, (11, 0), 10, 40),
        Call(1, "write", 1, True, 60, 70), Call(2, "write", 2, True, 60, 70),
    ],
    "a lost update": serial(
        (1, "open", None, (10, 0)), (1, "write", 1, True), (1, "close", None, True),
        (2, "open", None, (11, 0)),
    ),
    "a refused write that landed": serial(
        (1, "open", None, (10, 0)), (1, "close", None, True), (1, "write", 1, False),
        (2, "open", None, (11, 1)),
    ),
    "a fence that does not rise": serial(
        (1, "open", None, (10, 0)), (1, "close", None, True), (2, "open", None, (10, 0)),
    ),
    "a value that is read before it is written": serial(
        (3, "read", None, 1), (1, "open", None, (10, 0)), (1, "write", 1, True),
    ),
    "a value that goes back": serial(
        (1, "open", None, (10, 0)), (1, "write", 1, True), (2, "read", None, 1),
        (2, "read", None, 0),
    ),
    "a write of a stale holder": [
        Call(1, "open", None, (10, 0), 0, 5), Call(1, "lapse", None, UNKNOWN, 5),
        Call(2, "open", None, (11, 0), 20, 30), Call(1, "write", 1, True, 40, 50),
        Call(2, "close", None, True, 60, 70),
    ],
}  # fmt: skip


@pytest.mark.parametrize("history", RIGHT)
def test_a_correct_history_is_accepted(history: str) -> None:
    assert linearizable(RIGHT[history], 0)


@pytest.mark.parametrize("history", WRONG)
def test_a_history_with_a_fault_is_found_out(history: str) -> None:
    assert not linearizable(WRONG[history], 0)


def made_up(seed: int, cycles: int = 250) -> list[Call]:
    """A long correct history of overlapping calls, in the order in which they take effect."""
    chance, calls, value = random.Random(seed), [], 0
    free = dict.fromkeys(range(PROCESSES), 0)
    now = 0
    for fence in range(1, cycles):
        process = chance.randrange(PROCESSES)

        def add(kind: str, argument: Any, answer: Any, process: int = process) -> None:
            nonlocal now
            now += 100
            begun = max(free[process], now - chance.randrange(99))
            done = now + chance.randrange(1, 400)
            now = max(now, begun + 1)
            calls.append(Call(process, kind, argument, answer, begun, max(done, now + 1)))
            free[process] = calls[-1].done + 1
            now = max(now, free[process]) if kind != "close" else now

        add("open", None, (fence, value))
        value = fence
        add("write", value, True)
        add("close", None, True)
    return calls


def test_a_fault_in_a_long_history_is_found_out_and_without_it_the_history_is_accepted() -> None:
    calls = made_up(1)
    assert linearizable(calls, 0)
    at = next(at for at in range(400, len(calls)) if calls[at].kind == "open")
    fence, value = calls[at].answer
    lost = Call(
        calls[at].process, "open", None, (fence, value - 1), calls[at].begun, calls[at].done
    )
    assert not linearizable([*calls[:at], lost, *calls[at + 1 :]], 0)


# Real processes.


def use(pipe: Pipe, process: int, url: str, prefix: str) -> None:
    """Open, read, write and close sessions; tell of each call before it and after it."""
    chance = random.Random(process)

    def told(name: str, kind: str, argument: Any, call: Callable[[], Any]) -> Any:
        pipe.send((name, kind, argument, time.monotonic_ns()))
        answer = call()
        pipe.send((answer, time.monotonic_ns()))
        return answer

    with SessionStore.connect(url, prefix=prefix, buckets=BUCKETS) as store:
        pipe.send("ready")
        pipe.recv()
        for number in range(CYCLES):
            name = chance.choice(SESSIONS)
            if chance.random() < 0.4:
                told(name, "read", None, partial(seen, store, name))
            held: list[Session] = []
            wait = chance.choice((0, 10, 10, 10))
            if not told(name, "open", None, partial(opened, store, name, wait, held)):
                continue
            session = held[0]
            saves = [(process, number, again) for again in range(chance.randrange(3))]
            for value in saves:
                session["v"] = value
                if not told(name, "write", value, partial(kept, session.save)):
                    break
            else:
                last = (process, number, "last") if chance.random() < 0.5 else None
                if last:
                    session["v"] = last
                told(name, "close", last, partial(kept, session.close))
        pipe.send("end")


def seen(store: SessionStore, name: str) -> Any:
    return store.read(name)["v"]


def opened(store: SessionStore, name: str, wait: float, held: list[Session]) -> Any:
    try:
        held.append(store.open(name, wait=wait, lease=LEASE))
    except SessionInUse:
        return None
    return held[0].fence, held[0]["v"]


def kept(call: Callable[[], None]) -> bool:
    try:
        call()
    except LeaseLost:
        return False
    return True


class Listener(threading.Thread):
    """Writes down what a process tells, and kills it after so many words, if any."""

    def __init__(self, process: int, child: Child, words: int | None) -> None:
        super().__init__()
        self.calls: list[tuple[str, Call]] = []
        self.killed = words is not None
        self._process, self._child, self._words = process, child, words

    def run(self) -> None:
        before: tuple[str, str, Any, int] | None = None
        fence = 0
        for said in self._said():
            if before is None:
                before = said
                continue
            (name, kind, argument, begun), (answer, done) = before, said
            before = None
            if kind == "open" and answer is None:
                continue  # refused: it shows nothing here
            self._add(name, Call(self._process, kind, argument, answer, begun, done))
            if kind == "open":
                fence = answer[0]
            if answer is False:  # its lease has ended, since its last call that was a success
                since = self.calls[-2][1].begun + 1
                self._add(name, Call(self._process, "lapse", fence, True, since, done))
        if self.killed and (before or self.calls):
            # What it was doing is perhaps done, and what it held is given back some time.
            if before:
                name, kind, argument, begun = before
                self._add(name, Call(self._process, kind, argument, UNKNOWN, begun))
            name, last = self.calls[-1]
            self._add(name, Call(self._process, "lapse", None, UNKNOWN, last.begun + 1))

    def _add(self, name: str, call: Call) -> None:
        self.calls.append((name, call))

    def _said(self) -> Iterator[Any]:
        with suppress(EOFError):
            while (said := self._child.hear(PATIENCE)) != "end":
                yield said
                if self._words is not None:
                    self._words -= 1
                    if self._words == 0:
                        self._child.kill9()


def run(url: str, prefix: str, seed: int) -> dict[str, list[Call]]:
    """Let processes use the sessions, and kill some of them; return the history of each session."""
    chance = random.Random(seed)
    histories: dict[str, list[Call]] = {name: [] for name in SESSIONS}
    with (
        SessionStore.connect(url, prefix=prefix, buckets=BUCKETS) as store,
        ExitStack() as crowd,
    ):
        for name in SESSIONS:
            store.create(name, data={"v": None}, open=False)
        children = [
            crowd.enter_context(Child(use, seed * PROCESSES + number, url, prefix))
            for number in range(PROCESSES)
        ]
        assert all_of(children) == ["ready"] * PROCESSES
        listeners = [
            Listener(number, child, chance.randrange(5, 60) if number < KILLED else None)
            for number, child in enumerate(children)
        ]
        for child, listener in zip(children, listeners, strict=True):
            listener.start()
            child.tell("go")
        for listener in listeners:
            listener.join()
        for name in SESSIONS:
            begun = time.monotonic_ns()
            with store.open(name, wait=10) as session:
                answer = session.fence, session["v"]
            histories[name].append(
                Call(PROCESSES, "open", None, answer, begun, time.monotonic_ns())
            )
    for listener in listeners:
        for name, call in listener.calls:
            histories[name].append(call)
    return histories


@pytest.mark.parametrize("seed", range(RUNS))
def test_what_processes_see_of_a_session_some_of_them_killed_could_have_been_in_one_order(
    places: Places, seed: int
) -> None:
    histories = run(places.get("embedded").url, f"h{os.getpid()}-{seed}", seed)
    for name, calls in histories.items():
        assert 50 < len(calls) <= 1000
        assert linearizable(calls), f"no order explains what was seen of {name}, seed {seed}"
