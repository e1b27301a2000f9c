"""Many open the same few sessions at once: no update is written over, none is lost."""

from __future__ import annotations

from tests.soak import work
from tests.soak.load import NOTHING, Load, folder
from tests.soak.table import Row
from tests.support.processes import all_of
from tests.support.servers import Standalone

__all__ = ["run"]

OPENS = 100_000
PROCESSES = 8
SESSIONS = 2
ROUND = 10_000
"""Opens after which all begin anew: a process of a test does not live for ever."""


def run(scale: float = 1.0) -> Row:
    opens = max(800, round(OPENS * scale))
    done = NOTHING
    with folder() as directory, Standalone(None, directory / "server") as server:
        for first in range(0, opens, ROUND):
            each = -(-min(ROUND, opens - first) // PROCESSES)
            with Load(
                server.url, directory, processes=0, tasks=0, sessions=SESSIONS, lease=None, wait=60
            ) as load:
                for _ in range(PROCESSES):
                    load.start(work.add_times, each)
                for child in load.children.values():
                    child.tell("go")
                all_of(load.children.values(), timeout=100)
                for child in load.children.values():
                    child.end()
                load.children.clear()
            outcome = load.outcome()
            assert outcome.acknowledged == each * PROCESSES, outcome
            assert (outcome.unknown, outcome.refused) == (0, 0), outcome
            done += outcome
    return Row(
        "contention", f"{PROCESSES} processes, {SESSIONS} sessions", "none", done.acknowledged,
        done.unknown, done.lost, done.stall,
    )  # fmt: skip
