"""Seeded interleavings of many clients with faults between any two steps; see simulation.py."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from sessionstore import SessionStore
from sessionstore._core import scripts, sessions
from tests.faults.checks import every_key_expires
from tests.faults.simulation import Broken, Simulation

if TYPE_CHECKING:
    from tests.support.servers import Standalone

SEEDS = 200
GROUPS = 8
BUCKETS = 2
SEED = "SIMULATION_SEED"
"""Set in the environment, it is the one seed that is played."""


def play(server: Standalone, prefix: str, seed: int) -> Simulation:
    name = f"{prefix}-{seed}"
    with SessionStore.connect(server.url, prefix=name, buckets=BUCKETS) as store:
        simulation = Simulation(store, seed)
        simulation.run()
    every_key_expires(server, name)
    return simulation


def play_all(server: Standalone, prefix: str, seeds: range) -> None:
    for seed in seeds:
        play(server, prefix, seed)


@pytest.mark.parametrize("group", range(GROUPS))
def test_whatever_the_order_and_the_faults_all_claims_hold(
    server: Standalone, prefix: str, group: int
) -> None:
    seeds = range(group, SEEDS, GROUPS)
    if asked := os.environ.get(SEED):
        seeds = range(int(asked), int(asked) + 1)
    play_all(server, prefix, seeds)


def planted(name: str, pattern: str, instead: str) -> scripts.Script:
    """Return a script with a bug: what matches the pattern is replaced."""
    text, count = re.subn(pattern, instead, scripts.load(name).text, flags=re.DOTALL)
    assert count == 1, f"{name}.lua is not what this test knows"
    return scripts._script(name, text)


BUGS = {
    "a close that ignores the fence": (
        "CLOSE", "close",
        r"if s\.fence ~= fence then.*?\nend\nif s\.lapsed then return \{'LOST'\} end", "",
    ),
    "a save that is applied whenever it comes": (
        "SAVE", "save",
        r"if s\.fence ~= tonumber\(fence\) or not s\.held then return \{'LOST'\} end", "",
    ),
    "an open that does not know its ticket": (
        "OPEN", "open", r"if not s\.held or s\.ticket == ticket then", "if true then",
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_the_simulation_finds_a_planted_bug(
    server: Standalone, prefix: str, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    constant, name, pattern, instead = BUGS[bug]
    monkeypatch.setattr(sessions, constant, planted(name, pattern, instead))
    with pytest.raises(Broken, match="seed"):
        play_all(server, prefix, range(SEEDS))


def test_a_seed_plays_the_same_again(server: Standalone, prefix: str) -> None:
    def steps(at: str) -> list[str]:
        # Fences, times and tickets differ from run to run; what is asked in which order does not.
        return [
            line.partition(" {")[0]
            for line in play(server, at, 7).history
            if ": is told" not in line
        ]

    assert steps(f"{prefix}-x") == steps(f"{prefix}-y")
