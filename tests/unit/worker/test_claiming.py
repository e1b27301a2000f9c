"""When a queue is asked again."""

from __future__ import annotations

from sessionstore._core.jobs.keys import queue
from sessionstore._core.jobs.queues import Claimed
from sessionstore._core.keys import Keyspace
from sessionstore.worker._claiming import Claiming, Line


def test_a_wake_up_while_a_queue_is_asked_is_not_forgotten() -> None:
    line, claiming = Line(queue(Keyspace("ss", 4), "default")), object.__new__(Claiming)
    line.hot = False  # it is asked
    claiming._cool(line, Claimed(None, []), 5)
    assert not line.hot
    assert line.cold.is_set()

    line.cold.clear()
    line.hot = True  # there is something new, after that was answered
    claiming._cool(line, Claimed(None, []), 5)
    assert line.hot
