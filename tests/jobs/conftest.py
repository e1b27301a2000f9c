"""A store with jobs on each kind of server and shell, and a worker that does as it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.jobs.support import Hand, Heard, jobs_of

if TYPE_CHECKING:
    from tests.support.worlds import World


@pytest.fixture
def jobs(store: Any) -> Any:
    return jobs_of(store)


@pytest.fixture
def hand(world: World) -> Hand:
    return Hand(world.driver(), world.keys)


@pytest.fixture
def heard() -> Heard:
    return Heard()
