"""A server with an append-only file is killed again and again: what was acknowledged is there."""

from __future__ import annotations

import random

from tests.soak.load import Load, folder
from tests.soak.table import Row
from tests.support.servers import Standalone

__all__ = ["run"]

KILLS = 20


def run(scale: float = 1.0) -> Row:
    chance = random.Random("server_kills")
    kills = max(3, round(KILLS * scale))
    with folder() as directory, Standalone(None, directory / "server") as server:
        with Load(server.url, directory, processes=4) as load:
            for _ in range(kills):
                load.goes_on(chance.randrange(1, 20))
                server.kill9()
                server.start()
            load.goes_on()
        done = load.outcome()
    assert set(done.failed) <= {"StoreUnavailable", "TimedOut", "SessionInUse"}, done.failed
    return Row(
        "server_kills", load.title, f"{kills} kills", done.acknowledged, done.unknown, done.lost,
        done.stall,
    )  # fmt: skip
