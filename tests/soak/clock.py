"""The clock of the server jumps ahead, jumps back, and drifts, under load.

Fences rise all the same, what has ended stays ended, live sessions stay alive, and a sweep ends
what is due, once.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sessionstore import SessionEnded, SessionNotFound, SessionStore
from tests.soak.faketime import FakedClock, library
from tests.soak.load import Load, folder
from tests.soak.table import Row

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MISSING", "run"]

MISSING = "libfaketime is not installed (Debian: libfaketime; or SESSIONSTORE_LIBFAKETIME)"

ROUNDS = 6
AHEAD, BACK = 120.0, -3600.0
DUE = 50
"""Sessions that the jump ahead makes due, in each round; some are swept, some are opened first."""


def run(scale: float = 1.0) -> Row:
    assert library(), MISSING
    rounds = max(1, round(ROUNDS * scale))
    with folder() as directory:
        clock = FakedClock(directory / "server")
        with clock.server:
            with (
                Load(clock.server.url, directory, processes=2, wait=20) as load,
                load.connect() as store,
            ):
                store.configure(linger=7 * 86400, max_events=100_000)
                alive = [f"alive{number}" for number in range(DUE)]
                for id in alive:
                    store.create(id, data={"n": 1}, open=False, timeout=6 * 3600)
                ended: list[str] = []
                for number in range(rounds):
                    load.goes_on()
                    ended += _ended_by_time(load, store, clock, number)
                    clock.jump(BACK)
                    load.goes_on()
                    _stay_ended(store, ended)
                    assert store.sweep() == 0
                    for speed in (1.5, 0.5, 1.0):
                        clock.drift(speed)
                        load.goes_on()
                        _stay_ended(store, ended)
                        assert store.sweep() == 0
                assert {store.read(id)["n"] for id in alive} == {1}
                assert store.count() == len(alive) + len(load.ids)
                _once(store, ended)
            done = load.outcome()
    assert set(done.failed) <= {"SessionInUse"}, done.failed  # waits that the jump ahead ended
    assert done.unknown == 0
    return Row(
        "clock", load.title, f"{rounds} x (2 min ahead, 1 h back, drift)",
        done.acknowledged, done.unknown, done.lost, done.stall,
    )  # fmt: skip


def _ended_by_time(load: Load, store: SessionStore, clock: FakedClock, number: int) -> list[str]:
    ids = [f"due{number}-{each}" for each in range(DUE)]
    for id in ids:
        store.create(id, open=False, timeout=AHEAD / 2)
    store.delete(ids[0])
    assert store.sweep() == 0
    clock.jump(AHEAD)
    load.goes_on()
    _stay_ended(store, ids[:10])
    assert store.sweep() == len(ids) - 10
    assert store.sweep() == 0
    return ids


def _stay_ended(store: SessionStore, ids: Iterable[str]) -> None:
    for id in ids:
        for look in (store.open, store.read, store.touch):
            try:
                look(id)
            except (SessionEnded, SessionNotFound):
                continue
            raise AssertionError(f"{id} has come back")


def _once(store: SessionStore, ids: Iterable[str]) -> None:
    """Check that each end was told once."""
    told = Counter(event.id for event in store.events() if event.kind in ("expired", "ended"))
    assert told == Counter(ids)
