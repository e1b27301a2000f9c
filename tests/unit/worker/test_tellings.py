"""What a job tells is gathered: the last progress, lines together, all else at once."""

from __future__ import annotations

from typing import Any

import pytest

from sessionstore import ValueTooLarge
from sessionstore.data import decode
from sessionstore.worker._tellings import Tellings


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("sessionstore.worker._tellings.time.monotonic", lambda: now[0])
    return now


def sent(tellings: Tellings) -> list[tuple[str, Any]]:
    return [(kind, decode(body, kind)) for kind, body in tellings.take().events]


def test_nothing_is_due_when_nothing_was_told(clock: list[float]) -> None:
    assert Tellings().due is None


def test_the_first_progress_goes_at_once_and_the_next_after_a_while(clock: list[float]) -> None:
    tellings = Tellings()
    tellings.progress(0.1)
    assert tellings.due is not None
    assert tellings.due <= clock[0]
    assert sent(tellings) == [("progress", {"fraction": 0.1, "text": ""})]
    tellings.progress(0.2)
    tellings.progress(0.3, "on")
    assert tellings.due == pytest.approx(100.05)
    clock[0] += 0.05
    part = tellings.take()
    assert [decode(body, kind) for kind, body in part.events] == [{"fraction": 0.3, "text": "on"}]
    assert decode(part.fields["i"], "i") == {"fraction": 0.3, "text": "on"}


def test_lines_go_together(clock: list[float]) -> None:
    tellings = Tellings()
    tellings.log("one")
    tellings.log("two")
    assert tellings.due == pytest.approx(100.1)
    assert sent(tellings) == [("log", "one\ntwo")]
    assert tellings.due is None


def test_too_many_lines_are_counted(clock: list[float]) -> None:
    tellings = Tellings()
    for _ in range(20):
        tellings.log("x" * 1000)
    ((_, text),) = sent(tellings)
    assert len(text) < 17_000
    assert text.endswith("(4 lines more were not kept)")


def test_a_status_takes_with_it_what_was_told_before(clock: list[float]) -> None:
    tellings = Tellings()
    tellings.progress(0.5)
    tellings.log("a")
    tellings.event("status", b"\x01", {"j": b"\x01"})
    assert tellings.due == 0
    tellings.log("b")
    assert sent(tellings) == [
        ("progress", {"fraction": 0.5, "text": ""}),
        ("log", "a"),
        ("status", 1),
        ("log", "b"),
    ]


def test_what_is_too_large_is_refused(clock: list[float]) -> None:
    with pytest.raises(ValueTooLarge):
        Tellings().progress(0.5, "x" * 70_000)
