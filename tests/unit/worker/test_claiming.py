"""When a queue is asked again, and what a worker tells of jobs whose lease is over."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from sessionstore._core.jobs.flows import Finished
from sessionstore._core.jobs.jobs import Outcome, Report
from sessionstore._core.jobs.keys import queue
from sessionstore._core.jobs.queues import Claimed
from sessionstore._core.jobs.records import Entry
from sessionstore._core.keys import Keyspace
from sessionstore.worker._claiming import Claiming, Held, Line


@pytest.mark.parametrize(("left", "sure"), [(10.0, True), (-0.001, False)])
def test_it_is_sure_of_a_job_as_long_as_nobody_else_can_have_it(left: float, sure: bool) -> None:
    run: Any = SimpleNamespace(deadline=time.monotonic() + left)
    finished = Finished(Entry("job", "ann"), "1 t", Outcome("done"), Report(1))
    assert Held(finished, run).as_it_is_now() == finished._replace(sure=sure)


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
