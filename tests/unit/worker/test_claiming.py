"""What a worker tells of jobs whose lease is over by its own clock."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from sessionstore._core.jobs.flows import Finished
from sessionstore._core.jobs.jobs import Outcome, Report
from sessionstore._core.jobs.records import Entry
from sessionstore.worker._claiming import Held


@pytest.mark.parametrize(("left", "sure"), [(10.0, True), (-0.001, False)])
def test_it_is_sure_of_a_job_as_long_as_nobody_else_can_have_it(left: float, sure: bool) -> None:
    run: Any = SimpleNamespace(deadline=time.monotonic() + left)
    finished = Finished(Entry("job", "ann"), "1 t", Outcome("done"), Report(1))
    assert Held(finished, run).as_it_is_now() == finished._replace(sure=sure)
