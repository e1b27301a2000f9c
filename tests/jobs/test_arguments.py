"""Every argument of the face of jobs that makes no sense is refused, before anything is sent."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import jobs as face_of_jobs
from sessionstore import worker as face_of_workers
from sessionstore.jobs import Engine, JobHandle, Jobs, Sink
from sessionstore.worker import Profile, Worker
from tests.house.test_arguments import methods
from tests.jobs.arguments import FACES, LIMITS
from tests.store.test_arguments import refuse_all

if TYPE_CHECKING:
    from tests.support.worlds import World

NOT_ARGUMENTS = {"Event", "JobDefinition", "JobInfo", "JobOptions", "QueueInfo", "Stopped"}
"""What takes no arguments of a user."""

MADE: dict[str, type] = {"Engine": Engine, "Worker": Worker, "Profile": Profile}
USED: dict[str, type] = {"Jobs": Jobs, "JobHandle": JobHandle, "Sink": Sink}


def test_every_class_of_the_face_stands_in_the_table() -> None:
    named = {*face_of_jobs.__all__, *face_of_workers.__all__} - NOT_ARGUMENTS
    assert {name for name in named if name[0].isupper() and name[:5] != "Async"} == set(FACES)


@pytest.mark.parametrize("name", FACES)
def test_every_argument_stands_in_the_table(name: str) -> None:
    kind, calls = (MADE | USED)[name], FACES[name]
    found = methods(kind)
    if name in MADE:
        found["__init__"] = kind.__init__  # type: ignore[misc]
    for method, call in calls.items():
        arguments = set(inspect.signature(found[method]).parameters) - {"self"}
        if method == "configure_queue":
            arguments |= set(LIMITS)
        assert set(call.arguments) == arguments, f"{name}.{method}"
    without = {method for method in found if len(inspect.signature(found[method]).parameters) < 2}
    assert set(found) - without <= set(calls)


async def test_what_makes_no_sense_is_refused_before_anything_is_sent(
    store: Any, jobs: Any, world: World
) -> None:
    session = await store.create("a", owner="ann")
    job = await jobs.submit(session, "A.B")
    good = {"id": job.id}
    calls = {
        method: call if "id" not in call.arguments else type(call)(call.arguments, good | call.good)  # type: ignore[operator]
        for method, call in FACES["Jobs"].items()
    }
    names = world.names()
    with world.wire(store) as sent:
        await refuse_all(jobs, Jobs, calls, sent)
        await refuse_all(job, JobHandle, FACES["JobHandle"], sent)
    assert world.names() == names


def test_an_engine_and_a_worker_are_made_with_what_makes_sense() -> None:
    for name, kind in MADE.items():
        calls = {"__init__": FACES[name]["__init__"]}
        asyncio.run(refuse_all(_Maker(kind), kind, calls))
    asyncio.run(refuse_all(_Decorated(), Engine, {"job": FACES["Engine"]["job"]}))


class _Maker:
    """Makes something, as if that were a method of it; a worker connects when it runs."""

    def __init__(self, kind: type) -> None:
        self._make = kind

    def __getattribute__(self, name: str) -> Any:
        make = object.__getattribute__(self, "__dict__")["_make"]
        return (lambda **given: make(**given).run()) if make is Worker else make


class _Decorated:
    """Makes a function a job."""

    def job(self, **given: Any) -> object:
        return Engine("A").job(**given)(lambda job: None)
