"""Holders and waiters are killed at random moments: their sessions are free after the lease."""

from __future__ import annotations

import random
from collections import Counter

from tests.soak.load import Load, folder
from tests.soak.table import Row
from tests.support.servers import Standalone

__all__ = ["run"]

KILLS = 60
LEASE = 1.0
CONFIRM = 2.0
"""Seconds that a grant stays for a waiter that was killed in line."""
SLACK = 2.0
"""Seconds that this machine may be busy with something else."""
PROCESSES = 5


def run(scale: float = 1.0) -> Row:
    chance = random.Random("holder_kills")
    kills = max(4, round(KILLS * scale))
    found: Counter[str] = Counter()
    with folder() as directory, Standalone(None, directory / "server") as server:
        with Load(
            server.url,
            directory,
            processes=PROCESSES,
            tasks=0,
            sessions=2,
            lease=LEASE,
            wait=20,
            reads=20,
        ) as load:
            for _ in range(kills):
                # More than are in line: so the ticket of the one before has had its turn, and
                # one stall is due to one kill.
                load.goes_on(PROCESSES + chance.randrange(1, 20))
                name = chance.choice(sorted(load.children))
                load.kill(name)
                found[load.journals.doing(name)] += 1
                load.start()
            load.goes_on(PROCESSES + 1)
        done = load.outcome()
    assert done.stall < max(LEASE, CONFIRM) + SLACK, f"a session was stuck for {done.stall:.1f} s"
    assert not done.failed, done.failed
    what = ", ".join(f"{count} {state}" for state, count in sorted(found.items()))
    return Row(
        "holder_kills", load.title, f"{kills} kills ({what})", done.acknowledged, done.unknown,
        done.lost, done.stall,
    )  # fmt: skip
