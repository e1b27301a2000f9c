"""The load itself notices what it is there to notice."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.soak.journal import OPEN, SURE, Journal
from tests.soak.load import Load
from tests.soak.table import Row, rendered
from tests.support.servers import Standalone

pytestmark = pytest.mark.slow


def write_over(session: Any, name: str) -> None:
    session["n"] -= 1


def forget(session: Any, name: str) -> None:
    session["n"] -= 1
    session[name] -= 1


def repeat(session: Any, name: str) -> None:
    session["n"] += 1
    session[name] += 1


@pytest.mark.parametrize(
    ("plant", "said"),
    [(write_over, "written over"), (forget, "are lost"), (repeat, "at most")],
)
def test_a_planted_loss_is_noticed(
    tmp_path: Path, plant: Callable[[Any, str], None], said: str
) -> None:
    with Standalone(None, tmp_path / "server") as server:
        with Load(server.url, tmp_path, processes=1, tasks=1, sessions=1) as load:
            load.goes_on()
        assert load.outcome().lost == 0
        (id,) = load.ids
        with load.connect() as store, store.open(id) as session:
            name = next(name for name in session if name.startswith("p"))
            plant(session, name)
        with pytest.raises(AssertionError, match=said):
            load.outcome()
        if plant is forget:
            assert load.outcome(may_lose=True).lost == 1


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [(7, 7, "twice"), (8, 7, "came after")],
)
def test_a_planted_fence_is_noticed(tmp_path: Path, first: int, second: int, said: str) -> None:
    with Standalone(None, tmp_path / "server") as server:
        with Load(server.url, tmp_path, processes=1, tasks=0, sessions=1) as load:
            load.goes_on()
        journal = Journal(tmp_path / load.prefix, "planted")
        for fence in (first, second):
            journal.note(OPEN, 0, "other", time.monotonic(), fence)
        journal.close()
        with pytest.raises(AssertionError, match=said):
            load.outcome()


def test_a_journal_that_is_cut_off_in_a_line_is_read_up_to_there(tmp_path: Path) -> None:
    with Standalone(None, tmp_path / "server") as server:
        with Load(server.url, tmp_path, processes=1, tasks=0, sessions=1) as load:
            load.goes_on()
        with (tmp_path / load.prefix / "cut.journal").open("w", encoding="ascii") as file:
            file.write(f"1.0\t{SURE}\t0\ts")
        assert load.outcome().lost == 0


def test_the_table_has_one_width_for_each_column() -> None:
    rows = [Row("a", "load", "faults", 1_000, 0, 0, 0.5), Row("longer", "l", "f", 1, 2, 3, 12.25)]
    lines = rendered(rows).splitlines()
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert "1,000" in lines[2]
    assert "12.25 s" in lines[3]
