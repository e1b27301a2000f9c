"""What must hold of jobs: their groups and queues know of them, and workers see to them."""

from __future__ import annotations

from collections import Counter

from sessionstore._core.jobs.inspection import inspect_jobs
from sessionstore._core.keys import Keyspace
from sessionstore._ids import shown
from sessionstore._redis.sync import Driver
from sessionstore.doctor._finding import Finding, Verdict

__all__ = ["check_jobs"]

WRONG = {
    "gone": "in the index without a job that lives",
    "alone": "without the group of a session",
    "unlisted": "missing in the group of their session",
}
NEGLECTED = {
    "due": "that nobody looks at",
    "late": "whose lease is long over",
    "out of line": "that wait without a place in line",
}


def check_jobs(driver: Driver, keys: Keyspace) -> Finding:
    """Compare a part of the jobs with their groups and queues."""
    found = driver.run(inspect_jobs(keys))
    kinds = Counter(fault for _, fault in found.faults)
    if wrong := [f"{kinds[kind]} {what}" for kind, what in WRONG.items() if kinds[kind]]:
        first = next(job for job, kind in found.faults if kind in WRONG)
        advice = (
            "find out who else writes under this prefix, or which keys were lost (such as"
            f" {shown(first)}): limits and listings are wrong for them until they end"
        )
        return Finding("jobs", Verdict.CHANGE, ", ".join(wrong), advice)
    told = [f"{kinds[kind]} {what}" for kind, what in NEGLECTED.items() if kinds[kind]]
    told += [
        f"{number} taken from {name} by workers that are gone"
        for name, number in found.abandoned.items()
    ]
    if told:
        advice = "run workers (`sessionstore worker`): they see to what others have left"
        return Finding("jobs", Verdict.ADVICE, ", ".join(told), advice)
    return Finding("jobs", Verdict.GOOD, f"{found.looked_at} compared, all in order")
