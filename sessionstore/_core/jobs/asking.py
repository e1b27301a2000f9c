"""Waiting for the answer to a question that a running job asks."""

from __future__ import annotations

from sessionstore._core.jobs import jobs
from sessionstore._core.jobs.keys import JobKey
from sessionstore._core.operation import Flow, Wake

__all__ = ["await_answer"]

RECHECK = 1000
"""When who waits looks by itself at the latest, in ms."""


def await_answer(job: JobKey, question: str, wait_ms: int | None) -> Flow[bytes | None]:
    """Wait for an answer; None if there is none in time, or nobody can be asked any more.

    Args:
        job: that asks.
        question: its id.
        wait_ms: how long to wait; None: as long as the job runs.
    """
    wait_end: int | None = None
    while True:
        found = yield from jobs.read(job, "")
        answer = found.fields.get(f"?{question}".encode())
        if answer:
            return answer
        if found.state != "running" or found.text("S"):
            return None
        step = RECHECK
        if wait_ms is not None:
            wait_end = found.now + wait_ms if wait_end is None else wait_end
            step = min(wait_end - found.now, RECHECK)
        if step <= 0:
            return None
        yield Wake(job.wake(question), step)
