"""Seeded interleavings of many clients with faults between any two steps; see simulation.py."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from sessionstore._core import buckets, parameters, scripts, seats, sessions
from tests.faults.simulation import Broken
from tests.faults.simulation_limits import CHANGING, LIMITS
from tests.faults.simulation_stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "10000"))
GROUPS = 20
FOUND_WITHIN = 20
OF_LIMITS_FOUND_WITHIN = 500
SEED = "SIMULATION_SEED"
"""Set in the environment, it is the one seed that is played."""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage


@pytest.mark.slow
@pytest.mark.parametrize("group", range(GROUPS))
def test_whatever_the_order_and_the_faults_all_claims_hold(stage: Stage, group: int) -> None:
    seeds = range(group, SEEDS, GROUPS)
    if asked := os.environ.get(SEED):
        seeds = range(int(asked), int(asked) + 1)
    stage.play_all(seeds)


def planted(name: str, pattern: str, instead: str) -> scripts.Script:
    """Return a script with a bug: what matches the pattern is replaced."""
    text, count = re.subn(pattern, instead, scripts.load(name).text, flags=re.DOTALL)
    assert count == 1, f"{name}.lua is not what this test knows"
    return scripts._script(name, text)


BUGS = {
    "a close that ignores the fence": (
        sessions, "CLOSE", "close",
        r"if s\.fence ~= fence then.*?\nend\nif s\.lapsed then return 'LOST' end", "",
    ),
    "a save that is applied whenever it comes": (
        sessions, "SAVE", "save",
        r"if s\.fence ~= tonumber\(fence\) or not s\.held then return 'LOST' end", "",
    ),
    "an open that does not know its ticket": (
        sessions, "OPEN", "open", r"if not s\.held or s\.ticket == ticket then", "if true then",
    ),
    "a shared save beside a holder": (
        sessions, "MERGE", "merge", r"if s\.held and \(while_held.*?\nend\n", "",
    ),
    "a create that knows no limit of an owner": (
        sessions, "CREATE", "create",
        r"(local limit, owned = parameter\(store, 'max_per_owner'\))", r"\1 and nil",
    ),
}  # fmt: skip

BUGS_OF_LIMITS = {
    "a create that comes with any seat": (
        sessions, "CREATE", "create", r"if not ticket or tonumber.*?then", "if not ticket then",
    ),
    "a bucket that takes what comes last": (
        buckets, "ADOPT", "adopt", r"if known >= tonumber\(version\) then[^\n]*", "",
    ),
    "a pool that takes what comes last": (
        seats, "LIMIT_SEATS", "limit_seats", r"if tonumber\(known\[1\] or 0\) > [^\n]*", "",
    ),
    "a change that is applied before it is": (
        parameters, "CONFIGURE", "configure", r"'version', version,", r"'applied', version, \g<0>",
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS | BUGS_OF_LIMITS)
def test_the_simulation_finds_a_planted_bug_within_a_few_seeds(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    module, constant, name, pattern, instead = (BUGS | BUGS_OF_LIMITS)[bug]
    monkeypatch.setattr(module, constant, planted(name, pattern, instead))
    seeds = range(FOUND_WITHIN)
    if bug in BUGS_OF_LIMITS:
        seeds = range(CHANGING, OF_LIMITS_FOUND_WITHIN * len(LIMITS), len(LIMITS))
    with pytest.raises(Broken, match="seed"):
        stage.play_all(seeds)


@pytest.mark.parametrize("seed", range(len(LIMITS)))
def test_a_seed_plays_the_same_again_whatever_was_played_before(stage: Stage, seed: int) -> None:
    def steps() -> list[str]:
        # Fences, times and tickets differ from run to run; what is asked in which order does not.
        return [
            re.sub(r"(}[mgv]:)\S+", r"\1", line).partition(" ->")[0]
            for line in stage.play(seed).history
            if ": is told" not in line
        ]

    first = steps()
    stage.play(seed + len(LIMITS))
    assert steps() == first
