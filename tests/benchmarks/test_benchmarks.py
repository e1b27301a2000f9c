"""The benchmarks run from end to end, and what they write can be read by a program."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module, util
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report
from benchmarks.__main__ import CASES
from benchmarks.measuring import Aim, Result, alternate, at_least, at_most, percentile, ratios

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_quick_case_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    command = [sys.executable, "-m", "benchmarks", "server_cpu", "--quick", "--json", str(path)]
    run = subprocess.run(
        command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert "| measure" in run.stdout
    assert "reached" in run.stdout or "MISSED" in run.stdout

    told: dict[str, Any] = json.loads(path.read_text())
    assert told["quick"] is True
    assert {"CPU", "Python", "server", "redis", "hiredis"} <= set(told["machine"])
    [result] = told["results"]["server_cpu"]
    assert set(result["figures"]) == {"sessionstore", "two bare EVALSHA"}
    assert all(figure > 0 for figure in result["figures"].values())
    [aim] = result["aims"]
    assert aim["reached"] is (aim["figure"] <= aim["bound"] == 1.5)


def test_every_case_is_there() -> None:
    files = {path.stem for path in (ROOT / "benchmarks" / "cases").glob("[a-z]*.py")}
    assert files == set(CASES)


def test_an_aim_is_the_bound_or_better() -> None:
    assert at_least(2, [1.0, 2.0, 9.0], "x").reached
    assert not at_least(2.1, [1.0, 2.0, 9.0], "x").reached
    assert at_most(2, [1.0, 2.0, 9.0], "x").reached
    assert not at_most(1.9, [1.0, 2.0, 9.0], "x").reached


def test_contestants_take_turns_in_changing_order() -> None:
    order: list[str] = []

    def contestant(name: str, figure: float) -> float:
        order.append(name)
        return figure

    medians, found = alternate(
        {"a": lambda: contestant("a", 6.0), "b": lambda: contestant("b", 3.0)}, 2
    )
    assert order == ["a", "b", "b", "a"]
    assert medians == {"a": 6.0, "b": 3.0}
    assert ratios(found, "a", "b") == [2.0, 2.0]


def test_a_percentile_is_one_of_the_figures() -> None:
    assert percentile([3, 1, 2], 50) == 2
    assert percentile(range(1, 101), 99) == 99
    assert percentile([7], 99) == 7


def test_a_missed_aim_is_said_in_the_table() -> None:
    result = Result("a title", "us", {}, (Aim(1.2, 1.1, False, "x others"),))
    [_, _, row] = report.summary({"case": [result]}).splitlines()
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["a title", "1.20 x others", "", "at most 1.10", "MISSED"]


@pytest.mark.skipif(util.find_spec("matplotlib") is None, reason="comes with the bench extra")
def test_the_plots_are_drawn_of_what_there_is(tmp_path: Path) -> None:
    growth = Result("growth", "us", {"a": 1.0}, (), {}, {"time": [(1000, 1.0), (5000, 1.05)]})
    memory = Result("memory", "bytes", {"sessionstore": 400.0, "another": 900.0}, ())
    told = report.as_json({}, True, {"scale": [growth], "memory": [memory]})
    import_module("benchmarks.plots").draw(json.loads(json.dumps(told)), tmp_path)
    assert "sessions in the store" in (tmp_path / "growth.svg").read_text()
    assert "sessionstore" in (tmp_path / "peers.svg").read_text()
