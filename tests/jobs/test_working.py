"""What becomes of jobs in a worker: results, errors, stops, questions, files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import JobCancelled, JobFailed
from sessionstore.jobs import AsyncJobs, find_definition
from tests.jobs import engines
from tests.jobs.working import QUICK, lines, working
from tests.support.wait import until
from tests.support.worlds import World

if TYPE_CHECKING:
    pass

EVERYWHERE = pytest.mark.parametrize("scene", ["embedded", "cluster"], indirect=True)
BOTH = pytest.mark.parametrize("kind", ["", "Plainly"])
assert engines.tests.jobs


@pytest.fixture
def jobs(scene: World, runner: asyncio.Runner) -> AsyncJobs:
    return AsyncJobs(runner.run(scene.connect()))


async def failed(job: Any) -> list[dict[str, Any]]:
    with pytest.raises(JobFailed) as caught:
        await job.result(timeout=20)
    return list(caught.value.errors)


@EVERYWHERE
@BOTH
async def test_a_job_returns_what_its_function_does(
    scene: World, jobs: AsyncJobs, session: Any, kind: str, runner: Any
) -> None:
    async with working(scene):
        assert await jobs.execute(session, f"Tests.Add{kind}", timeout=20, a=2) == 3
        assert await jobs.execute(session, f"Tests.Add{kind}", timeout=20, a=2, b=5) == 7


@BOTH
async def test_a_job_knows_whose_it_is(
    scene: World, jobs: AsyncJobs, session: Any, kind: str, runner: Any
) -> None:
    async with working(scene):
        job = await jobs.submit(session, f"Tests.Facts{kind}", files={"a": b"1"})
        id, sid, name, attempt, fence, files = await job.result(timeout=20)
    assert (id, sid, name, attempt) == (job.id, session.sid, f"Tests.Facts{kind}", 1)
    assert fence > 10**15
    assert files == {"a": None}


@BOTH
async def test_what_a_job_tells_comes_in_order_and_progress_seldom(
    scene: World, jobs: AsyncJobs, session: Any, kind: str, runner: Any
) -> None:
    async with working(scene):
        job = await jobs.submit(session, f"Tests.Tell{kind}")
        assert await job.result(timeout=20) == "told"
    told = [(event.type, event.body) async for event in job.events()]
    kinds = [kind for kind, _ in told]
    fractions = [body["fraction"] for kind, body in told if kind == "progress"]
    assert kinds[:2] == ["queued", "running"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert 2 <= len(fractions) <= 40, "300 were told in 0.3 s or more"
    tail = [(kind, body) for kind, body in told if kind not in ("progress", "queued", "running")]
    assert tail == [("log", "one\ntwo"), ("status", {"rows": 3}), ("result", "told")]
    assert kinds[-2:] == ["progress", "result"]


async def test_a_job_may_tell_from_threads_of_its_own(
    scene: World, jobs: AsyncJobs, session: Any, runner: Any
) -> None:
    async with working(scene):
        job = await jobs.submit(session, "Tests.Threads")
        await job.result(timeout=20)
    told = [event.body async for event in job.events() if event.type == "status"]
    assert sorted(told) == [[number, at] for number in range(4) for at in range(0, 200, 50)]


@BOTH
async def test_errors_say_what_where_and_why(
    scene: World, jobs: AsyncJobs, session: Any, kind: str, runner: Any
) -> None:
    async with working(scene):
        top, cause = await failed(await jobs.submit(session, f"Tests.Fail{kind}"))
    assert (top["code"], top["text"]) == ("ValueError", "above")
    assert (top["source"], top["info"]) == ("tests.jobs.engines", [])
    assert top["line"] > 0
    assert (cause["code"], cause["text"]) == ("KeyError", "'below'")


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("Nothing", {}, "unknown-job"),
        ("Big", {"size": 300_000}, "result-too-large"),
        ("Odd", {}, "result-not-stored"),
        ("Exit", {}, "RuntimeError"),
        ("NotThis", {}, "ValueError"),
        ("Late", {}, "timeout"),
        ("LatePlainly", {}, "timeout"),
        ("Silent", {}, "stalled"),
    ],
)
async def test_a_job_fails_with_a_typed_error(
    jobs: AsyncJobs, session: Any, name: str, given: dict[str, Any], code: str, scene: World,
    *, runner: Any,
) -> None:  # fmt: skip
    async with working(scene):
        job = await jobs.submit(session, f"Tests.{name}", parameters=given, queue="tests")
        (error, *_) = await failed(job)
        assert error["code"] == code
        assert await jobs.execute(session, "Tests.Add", timeout=20, a=1) == 2, "it goes on"


async def test_parameters_are_checked_by_the_worker_too(
    scene: World, jobs: AsyncJobs, session: Any, monkeypatch: pytest.MonkeyPatch, runner: Any
) -> None:
    monkeypatch.setattr("sessionstore.jobs._orders.find_definition", lambda name: None)
    async with working(scene):
        for given, text in (
            ({"a": "x"}, "Tests.Add wants a as int, not str"),
            ({}, "Tests.Add lacks a"),
            ({"a": 1, "c": 2}, "Tests.Add takes no c"),
        ):
            job = await jobs.submit(session, "Tests.Add", parameters=given, queue="tests")
            assert [(one["code"], one["text"]) for one in await failed(job)] == [
                ("bad-parameters", text)
            ]


@EVERYWHERE
@BOTH
async def test_a_job_is_tried_again_as_its_engine_says(
    scene: World, jobs: AsyncJobs, session: Any, kind: str, runner: Any
) -> None:
    async with working(scene):
        job = await jobs.submit(session, f"Tests.Flaky{kind}")
        assert await job.result(timeout=20) == 3
    told = [event.type async for event in job.events()]
    assert told == ["queued", "running"] * 3 + ["result"]


@EVERYWHERE
@pytest.mark.parametrize(
    ("name", "last"),
    [("Wait", "cancelled: enough"), ("WaitPlainly", "Stopped cancelled"), ("Stubborn", None)],
)
async def test_a_cancel_stops_a_running_job(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, name: str, last: str | None,
    *, runner: Any,
) -> None:  # fmt: skip
    path = tmp_path / "marks"
    async with working(scene):
        job = await jobs.submit(session, f"Tests.{name}", path=str(path))
        await until(lambda: lines(path), "it runs")
        begun = asyncio.get_running_loop().time()
        await job.cancel("enough")
        with pytest.raises(JobCancelled) as caught:
            await job.result(timeout=20)
        took = asyncio.get_running_loop().time() - begun
        assert caught.value.reason == "enough"
        assert lines(path)[1:] == ([last] if last else [])
        assert took < (0.3 if last else 3), "it is told by a ring, and killed after its grace"
        assert await jobs.execute(session, "Tests.AddPlainly", timeout=20, a=1) == 2


async def test_a_job_that_does_not_stop_is_over_after_its_grace(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, runner: Any
) -> None:
    path = tmp_path / "marks"
    async with working(scene, slots=1):
        job = await jobs.submit(session, "Tests.Deaf", path=str(path))
        await until(lambda: lines(path), "it runs")
        await job.cancel("enough")
        with pytest.raises(JobCancelled):
            await job.result(timeout=20)
        assert await jobs.execute(session, "Tests.Add", timeout=20, a=1) == 2


@EVERYWHERE
async def test_the_end_of_its_session_stops_a_job(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, runner: Any
) -> None:
    path = tmp_path / "marks"
    async with working(scene):
        job = await jobs.submit(session, "Tests.Wait", path=str(path))
        await until(lambda: lines(path), "it runs")
        await session.delete()
        await until(lambda: len(lines(path)) == 2, "it is stopped")
        assert lines(path)[1] == "session ended: session ended: deleted"
        with pytest.raises(JobCancelled):
            await job.result(timeout=20)


@EVERYWHERE
@BOTH
async def test_a_question_is_answered(
    scene: World, jobs: AsyncJobs, session: Any, kind: str, runner: Any
) -> None:
    async def asked(job: Any) -> Any:
        return [event.body async for event in job.events() if event.type == "ask"]

    async with working(scene):
        job = await jobs.submit(session, f"Tests.Ask{kind}")
        (question,) = await until(lambda: asked(job), "it asks")
        assert (question["type"], question["body"]) == ("colour", {"of": "the sky"})
        assert await jobs.answer(job.id, question["question"], "blue")
        assert await job.result(timeout=20) == "blue"

        job = await jobs.submit(session, f"Tests.Ask{kind}", timeout=0.2)
        assert await job.result(timeout=20) == "grey"
        (question,) = await asked(job)
        assert not await jobs.answer(job.id, question["question"], "blue"), "too late"


@BOTH
async def test_a_job_reads_its_files_and_attaches_others(
    scene: World, jobs: AsyncJobs, session: Any, kind: str, runner: Any
) -> None:
    content = bytes(range(256)) * 3000
    async with working(scene):
        job = await jobs.submit(session, f"Tests.Copy{kind}", files={"in": content})
        assert await job.result(timeout=20) == len(content)
    assert await job.file("out") == content * 2


async def test_a_child_does_many_jobs(
    scene: World, jobs: AsyncJobs, session: Any, runner: Any
) -> None:
    async with working(scene):
        pids = {await jobs.execute(session, "Tests.Pid", timeout=20) for _ in range(5)}
    assert len(pids) == 1


@EVERYWHERE
async def test_more_jobs_than_slots_are_all_done_from_all_queues(
    scene: World, jobs: AsyncJobs, session: Any, tmp_path: Path, runner: Any
) -> None:
    path = tmp_path / "marks"
    many = [await jobs.submit(session, "Tests.Add", a=at) for at in range(40)]
    others = [
        await jobs.submit(session, "Tests.Elsewhere", path=str(path), word=str(at))
        for at in range(10)
    ]
    async with working(scene, slots=2):
        assert [await job.result(timeout=20) for job in many] == list(range(1, 41))
        for job in others:
            await job.result(timeout=20)
    assert sorted(map(int, lines(path))) == list(range(10))


async def test_a_worker_is_healthy_while_it_is_idle(
    scene: World, jobs: AsyncJobs, session: Any, runner: Any
) -> None:
    async with working(scene) as worker:
        await jobs.execute(session, "Tests.Add", timeout=20, a=1)
        assert worker.health < 5


def test_options_of_an_engine_become_fields_where_they_are_not_the_default() -> None:
    found = find_definition("Tests.Wait")
    assert found is not None
    assert found.fields == {"h": 2000}
    assert QUICK.lease_ms == 2000


@BOTH
async def test_a_file_has_a_name_and_the_last_one_of_a_name_counts(
    scene: World, jobs: AsyncJobs, session: Any, kind: str, runner: Any
) -> None:
    async with working(scene):
        job = await jobs.submit(session, f"Tests.Attach{kind}", files={"..": b"0"})
        raised = await job.result(timeout=20)
    assert raised == ["ConfigError"] * len(engines.NO_NAMES) + [""] * 2 * len(engines.NAMES)
    assert set((await job.info()).files) == set(engines.NAMES)
    first = len(engines.NO_NAMES) + len(engines.NAMES)
    for number, name in enumerate(engines.NAMES):
        assert await job.file(name) == f"{name} {first + number}".encode()
