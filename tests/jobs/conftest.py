"""A store with jobs on each kind of server and shell, and a worker that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from sessionstore.jobs import AsyncJobs
from tests.jobs.support import Hand, Heard, jobs_of
from tests.support.worlds import Places, World


@pytest.fixture
def jobs(store: Any) -> Any:
    return jobs_of(store)


@pytest.fixture
def hand(world: World) -> Hand:
    return Hand(world.driver(), world.keys)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def scene(
    request: pytest.FixtureRequest, places: Places, runner: asyncio.Runner
) -> Iterator[World]:
    """A world that worker processes can reach: on the embedded server, unless a test says."""
    kind = getattr(request, "param", "embedded")
    world = World(kind, "async", places.get(kind))
    yield world
    runner.run(world.close())


@pytest.fixture
def session(jobs: AsyncJobs, scene: World, runner: asyncio.Runner) -> Any:
    async def created() -> Any:
        return await scene._stores[0].create("cart", "ann")

    return runner.run(created())
