"""Holders are stopped past their lease, and go on: what they write then is refused."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

from tests.soak.journal import OPEN, SURE
from tests.soak.load import Load, folder
from tests.soak.table import Row
from tests.support.servers import Standalone
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from tests.support.processes import Child

__all__ = ["run"]

PAUSES = 30
LEASE = 0.6


def run(scale: float = 1.0) -> Row:
    chance = random.Random("holder_pauses")
    pauses = max(3, round(PAUSES * scale))
    with folder() as directory, Standalone(None, directory / "server") as server:
        with Load(
            server.url, directory, processes=4, tasks=0, sessions=2, lease=LEASE, wait=20, reads=20
        ) as load:
            for _ in range(pauses):
                load.goes_on(chance.randrange(1, 10))
                name, holder = _paused(load, chance)
                try:
                    seen = len(load.journals.entries[name])
                    load.goes_on(10)  # also the session that it held, as its lease is over
                finally:
                    holder.resume()
                _is_refused(load, name, seen)
            load.goes_on()
        done = load.outcome()
    assert done.refused >= pauses, f"{done.refused} of {pauses} late writes were refused"
    assert not done.failed, done.failed
    return Row(
        "holder_pauses", load.title, f"{pauses} pauses past the lease, {done.refused} refused",
        done.acknowledged, done.unknown, done.lost, done.stall,
    )  # fmt: skip


def _paused(load: Load, chance: random.Random) -> tuple[str, Child]:
    """Stop a process that holds a session and has not begun to close it."""

    def attempt() -> tuple[str, Child] | None:
        name = chance.choice(sorted(load.children))
        load.children[name].pause()
        wait_until(lambda: _is_stopped(load.children[name].pid), "it is stopped")
        if load.journals.doing(name) == "holding":
            return name, load.children[name]
        load.children[name].resume()
        return None

    found = wait_until(attempt, "a holder is met")
    assert found is not None
    return found


def _is_stopped(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return status.rpartition(")")[2].split()[0] == "T"


def _is_refused(load: Load, name: str, seen: int) -> None:
    """Check what the holder wrote down since it went on."""
    journals = load.journals

    def settled() -> bool:
        journals.look()
        return any(entry.settled for entry in journals.entries[name][seen:])

    wait_until(settled, "the late holder is told")
    assert journals.entries[name][seen - 1].kind == OPEN
    first = next(entry for entry in journals.entries[name][seen:] if entry.settled)
    assert first.kind != SURE, f"a late write landed: {first}"
