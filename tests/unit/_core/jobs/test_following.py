"""What a reader of events knows after each ring and each read."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from sessionstore._core.jobs.following import AHEAD, Following, Gap, later
from sessionstore._core.jobs.groups import EventPage, JobEvent
from sessionstore._core.jobs.keys import new_group
from sessionstore._core.keys import Keyspace

KEYS = Keyspace("ss", 4)


def event(n: int, at: int = 0) -> JobEvent:
    return JobEvent(f"{at or n}-0", n, "", "log", b"", "")


def ring(n: int, at: int = 0) -> bytes:
    return b"%d-0 %d  log " % (at or n, n)


def page(*events: JobEvent, last: int | None = None) -> EventPage:
    return EventPage(events[-1].sequence if last is None else last, 1, "", "", "", list(events))


class Reader:
    """A Following whose questions are answered by hand."""

    def __init__(self, begin: int = 0) -> None:
        self.following = Following(KEYS, new_group(KEYS.buckets[0]), "a", "")
        flow = self.following.begin(None)
        next(flow)
        with suppress(StopIteration):
            flow.send([begin, 0, b"", b"alive", b"", *self._rows([event(begin)] if begin else [])])

    @staticmethod
    def _rows(events: Any) -> list[list[Any]]:
        return [[one.id.encode(), b"%d" % one.sequence, b"", b"log", b"", b""] for one in events]

    def read(self, answer: EventPage | None = None, *, meanwhile: Any = ()) -> list[Any]:
        """Return what is next, after telling that everything is handed out."""
        flow = self.following.next()
        try:
            next(flow)
        except StopIteration as stop:
            return self._told(stop.value)
        for message in meanwhile:
            self.following.hear(message)
        assert answer is not None, "it reads"
        reply = [answer.last, answer.live, b"", b"alive", b"", *self._rows(answer.events)]
        while True:
            try:
                step = flow.send(reply)
            except StopIteration as stop:
                return self._told(stop.value)
            reply = [b"0"] if not isinstance(step, list) else []

    def _told(self, found: list[Any]) -> list[Any]:
        for one in found:
            self.following.note_told(one)
        return [one.why if isinstance(one, Gap) else one.sequence for one in found]

    def hear(self, *messages: bytes | None) -> None:
        for message in messages:
            self.following.hear(message)


def test_what_rings_in_order_needs_no_reading() -> None:
    reader = Reader(3)
    assert reader.read(page(last=3)) == []
    reader.hear(ring(4), ring(5))
    assert reader.read() == [4, 5]
    assert reader.read() == []


def test_a_ring_that_is_missed_or_tells_no_event_is_read() -> None:
    for rung in (ring(5), b"4-0 4", b"5-0 5"):
        reader = Reader(3)
        reader.read(page(last=3))
        reader.hear(rung)
        assert reader.read(page(event(4), event(5))) == [4, 5]


def test_a_ring_that_comes_late_is_dropped() -> None:
    reader = Reader(3)
    assert reader.read(page(event(4), event(5))) == [4, 5]
    reader.hear(ring(4), ring(5), ring(6))
    assert reader.read() == [6]


def test_what_rings_during_a_read_is_neither_lost_nor_told_twice() -> None:
    reader = Reader(3)
    assert reader.read(page(event(4), event(5)), meanwhile=[ring(4), ring(5)]) == [4, 5]
    assert reader.read() == []
    reader.hear(None)
    assert reader.read(page(event(6)), meanwhile=[ring(7)]) == [6]
    assert reader.read(page(event(7))) == [7]


def test_a_line_that_is_confirmed_during_a_read_has_it_read_again() -> None:
    reader = Reader(3)
    assert reader.read(page(last=3), meanwhile=[None]) == []
    assert reader.read(page(event(4))) == [4]


def test_what_is_not_kept_is_a_gap() -> None:
    reader = Reader(3)
    assert reader.read(page(event(9), event(10))) == ["trimmed", 9, 10]
    reader.hear(None)
    assert reader.read(page(last=20)) == ["trimmed"]
    reader.hear(ring(21))
    assert reader.read() == [21]


def test_a_sequence_that_goes_back_is_a_gap() -> None:
    reader = Reader(9)
    assert reader.read(page(last=9)) == []
    reader.hear(ring(5, at=20))
    assert reader.read(page(event(5, at=20))) == ["rollback", 5]
    reader.hear(ring(6, at=21))
    assert reader.read() == [6]
    reader.hear(None)
    assert reader.read(page(last=2)) == ["rollback"]


def test_of_what_waits_for_a_handler_there_is_a_limit() -> None:
    reader = Reader(3)
    reader.read(page(last=3))
    reader.hear(*(ring(n) for n in range(4, 5 + AHEAD)))
    assert reader.read(page(event(4), event(5), last=5), meanwhile=[]) == [4, 5]


def test_ids_are_compared_as_numbers() -> None:
    assert later("10-0", "9-5")
    assert later("9-10", "9-9")
    assert not later("9-9", "9-9")
    assert later("1-0", "")
