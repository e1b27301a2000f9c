"""Processes fork while their threads are at work, and the server forgets its scripts."""

from __future__ import annotations

import random

from tests.soak import work
from tests.soak.load import Load, folder
from tests.soak.table import Row
from tests.support.servers import Standalone

__all__ = ["run"]

FLUSHES = 300


def run(scale: float = 1.0) -> Row:
    chance = random.Random("forks_and_flushes")
    flushes = max(10, round(FLUSHES * scale))
    with folder() as directory, Standalone(None, directory / "server") as server:
        # With the store's own lease: a child that is forked holds nothing of its parent's.
        with Load(
            server.url, directory, processes=3, lease=None, wait=20, job=work.add_forking
        ) as load:
            for _ in range(flushes):
                load.goes_on(chance.randrange(1, 4))
                server.ask("SCRIPT", "FLUSH")
            load.goes_on()
        done = load.outcome()
    forks = sum(said for said in load.said if isinstance(said, int))
    assert forks >= 3, "each process has forked"
    assert not done.failed, done.failed
    assert (done.unknown, done.refused) == (0, 0)
    return Row(
        "forks_and_flushes", load.title, f"{forks} forks, {flushes} SCRIPT FLUSH",
        done.acknowledged, done.unknown, done.lost, done.stall,
    )  # fmt: skip
