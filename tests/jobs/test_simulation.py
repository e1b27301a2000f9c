"""Seeded interleavings of clients, workers and sweepers with faults between; see simulation.py."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessionstore import SessionStore
from sessionstore._core import scripts
from sessionstore._core.jobs import jobs, queues
from tests.faults.simulation_actors import Broken
from tests.faults.simulation_stage import clear
from tests.jobs.simulation import JobSimulation
from tests.support.servers import Standalone

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "2000"))
GROUPS = 10
FOUND_WITHIN = 300
SEED = "SIMULATION_SEED"


class Stage:
    """A server with one store, which is emptied after each run."""

    def __init__(self, stack: ExitStack) -> None:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="ss-"))
        server = stack.enter_context(Standalone(None, Path(directory), unix=True, appendonly=False))
        self._store = stack.enter_context(SessionStore.connect(server.url, buckets=3))

    def play(self, seed: int) -> JobSimulation:
        simulation = JobSimulation(self._store, seed)
        try:
            simulation.run()
        finally:
            stays = clear(self._store)
        if stays:
            raise Broken(f"seed {seed}: never expire: {stays}")
        return simulation

    def play_all(self, seeds: range) -> None:
        for seed in seeds:
            self.play(seed)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(stack)


@pytest.mark.slow
@pytest.mark.parametrize("group", range(GROUPS))
def test_whatever_the_order_and_the_faults_all_claims_hold(stage: Stage, group: int) -> None:
    seeds = range(group, SEEDS, GROUPS)
    if asked := os.environ.get(SEED):
        seeds = range(int(asked), int(asked) + 1)
    stage.play_all(seeds)


BUGS = {
    "a report with any token": (
        jobs, "REPORT", "report", r"and job\.token == token then return nil", "then return nil",
    ),
    "a finish with any token": (
        jobs, "FINISH", "finish", r"and job\.token == token then return nil", "then return nil",
    ),
    "a start of what another runs": (
        jobs, "START", "start", r"if j\.lease_end > store\.now then return [^\n]*", "",
    ),
    "a report that is told again when it is repeated": (
        jobs, "REPORT", "report", r"if number <= tonumber\([^\n]*", "",
    ),
    "a sweep that forgets what waits": (
        jobs, "SWEEP_JOBS", "sweep_jobs", r"waiting\[#waiting \+ 1\] = what", "",
    ),
    "a claim that does not look at what was taken": (
        queues, "CLAIM", "claim",
        r"redis\.call\('ZRANGE', taken, '-inf', now, 'BYSCORE', 'LIMIT', 0, most\)", "{}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_the_simulation_finds_a_planted_bug(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    module, constant, name, pattern, instead = BUGS[bug]
    text, count = re.subn(pattern, instead, scripts.load(name).text, flags=re.DOTALL)
    assert count >= 1, f"{name}.lua is not what this test knows"
    monkeypatch.setattr(module, constant, scripts._script(name, text))
    with pytest.raises(Broken, match="seed"):
        stage.play_all(range(FOUND_WITHIN))
