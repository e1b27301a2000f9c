"""`python -m workers`: its options and variables, how it stops, that it sweeps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.house.sources import ROOT
from tests.support.wait import wait_until
from tests.support.worlds import Places
from tests.workers.conftest import Pool


def run(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the pool with options that end it at once."""
    return subprocess.run(
        (sys.executable, "-m", "workers", *options),
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "options",
    [
        ("--url", "nonsense://x"),
        ("--url", "redis://127.0.0.1:1"),
        ("--queues", "no/name"),
        ("--queues", ""),
        ("--profile", "hasty"),
        ("--slots", "0"),
        ("--licences", "ASC=many"),
        ("--no-such-option",),
    ],
)
def test_what_cannot_be_is_said_in_words(options: tuple[str, ...], places: Places) -> None:
    ended = run(*options, SESSIONSTORE_URL=places.get("embedded").url)
    assert ended.returncode == 2
    assert ended.stderr.strip()
    assert "Traceback" not in ended.stderr


def test_the_variables_stand_for_the_options() -> None:
    told = run("--help").stdout
    for variable in ("SESSIONSTORE_URL", "WORKERS_ADMINISTRATORS", "WORKERS_LICENCES"):
        assert variable in told
    ended = run(SESSIONSTORE_URL="redis://127.0.0.1:1", WORKERS_LICENCES="ASC=many")
    assert "ASC=many" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_it_is_told_to(places: Places, number: int) -> None:
    pool = Pool(places.get("embedded").url)
    pool.process.send_signal(number)
    pool.close()


def test_it_sweeps(pool: Pool) -> None:
    session = pool.store.create(owner="alice", open=False, timeout=0.2)
    wait_until(
        lambda: (session.id, "expired") in {(one.id, one.kind) for one in pool.store.events()},
        "nobody has swept it",
        timeout=30,
    )
