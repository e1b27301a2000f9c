"""IJob, callbacks and ILicenses.Check, with workers that do the jobs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sessionstore.dialects.oxsvr import (
    Callback,
    CallbackType,
    IJob,
    IJobSink,
    INotifyErrors,
    ISession,
    Number,
    ParameterType,
    Server,
)
from sessionstore.jobs import JobHandle, Jobs
from tests.dialects.oxsvr.conftest import Raises, Scene, authenticator, guid
from tests.dialects.oxsvr.working import working
from tests.support.wait import wait_until
from tests.support.worlds import Places, World


@pytest.fixture(scope="module")
def scene(request: pytest.FixtureRequest, places: Places) -> Iterator[Scene]:
    if "embedded" not in request.config.getoption("--servers").split(","):
        pytest.skip("without embedded, says --servers")
    place = places.get("embedded")
    scene = Scene(World("embedded", "sync", place))
    with working(place.url, scene.world.prefix):
        yield scene
    scene.close()


@pytest.fixture
def session(scene: Scene) -> Iterator[ISession]:
    with scene.server.Login("alice", "secret") as session:
        yield session


def executed(session: ISession, name: str, **given: Any) -> IJob:
    job = session.NewJob(name)
    for key, value in given.items():
        job.InputParameters.AddNewStringParameter(key, value)
    job.Execute()
    return job


def test_inputs_go_to_the_job_and_outputs_come_back(session: ISession) -> None:
    moment = datetime(2026, 5, 1, 8, 30, tzinfo=UTC)
    job = session.NewJob("Test.Echo")
    given = job.InputParameters
    given.AddNewStringParameter("S", "tea")
    given.AddNewIntegerParameter("I", "12")
    given.AddNewBooleanParameter("B", True)
    given.AddNewDoubleParameter("D", 1.5)
    given.AddNewDatetimeParameter("M", moment)
    given.AddNewXMLParameter("X", "<a>ä</a>")
    given.AddNewByteParameter("Y", b"\x00\xff")
    assert job.OutputParameters.Count == 0
    job.Execute()
    outputs = job.OutputParameters
    assert {one.Name: one.Value for one in outputs} == {one.Name: one.Value for one in given}
    assert outputs["I"].Type is ParameterType.ptInteger
    assert outputs["X"].Value == "<a>ä</a>"
    assert (job.Errors.Count, job.Errors.ResponseResult, job.Name) == (0, 0, "Test.Echo")


def test_a_job_is_executed_again_with_other_values(session: ISession) -> None:
    job = session.NewJob("Test.Echo")
    value = job.InputParameters.AddNewIntegerParameter("N", 1)
    job.Execute()
    value.Value = 2
    job.Execute()
    assert job.OutputParameters["N"].Value == 2


def test_what_is_no_mapping_comes_back_as_result(session: ISession) -> None:
    assert executed(session, "Test.Tell").OutputParameters["Result"].Value == "told"


def test_the_topmost_error_is_thrown_and_all_are_in_errors(session: ISession) -> None:
    job = session.NewJob("Test.Fail")
    with Raises(7) as raised:
        job.Execute()
    assert (raised.error.description, raised.error.source) == ("no such table", "dms")
    assert [error.FaultCode for error in job.Errors] == [7, 8]
    first = job.Erros.Item("error1")  # as it is spelled in one place
    assert (first.FaultString, first.SourceName, first.SourceCode) == ("no such table", "dms", 12)
    assert first.InfoList == "a\nb"
    assert (job.Errors.ResponseResult, job.Errors.ResultCode) == (7, 8)
    assert job.OutputParameters.Count == 0


def test_an_error_of_the_system_is_one_too(session: ISession) -> None:
    job = session.NewJob("Test.Fail")
    job.InputParameters.AddNewStringParameter("how", "plain")
    with Raises(1) as raised:
        job.Execute()
    assert raised.error.description == "ValueError: five is no colour"
    assert job.Errors.Item(1).SourceName.endswith("working")


def test_errors_are_those_of_the_last_execute(session: ISession) -> None:
    job = session.NewJob("Test.Fail")
    for _ in range(2):
        with Raises(7):
            job.Execute()
        assert job.Errors.Count == 2


def test_what_a_job_does_not_want_is_an_invalid_argument(session: ISession) -> None:
    with Raises(Number.E_INVALIDARG):
        executed(session, "Test.Tell", unknown="x")
    with Raises(Number.E_INVALIDARG):
        executed(session, "")


def test_a_job_that_no_engine_has_fails_at_execute(session: ISession) -> None:
    job = session.NewJob("Test.NoSuch")
    with Raises(1) as raised:
        job.Execute()
    assert "Test.NoSuch" in raised.error.description


def test_too_many_jobs_are_refused(scene: Scene, session: ISession) -> None:
    jobs, known = Jobs(scene.store), guid(session)
    jobs.configure_queue("default", max_waiting=1, paused=True)
    waiting = jobs.submit(known, "Test.Tell")
    with Raises(Number.E_FAIL) as raised:
        executed(session, "Test.Tell")
    jobs.configure_queue("default", max_waiting=None, paused=False)
    assert "queue" in raised.error.description
    assert waiting.result(timeout=30) == "told"


def test_a_job_that_is_cancelled_is_aborted(scene: Scene, session: ISession) -> None:
    job = session.NewJob("Test.Stay")

    def cancel() -> None:
        jobs = Jobs(scene.store)
        (info,) = wait_until(
            lambda: [one for one in jobs.list(guid(session)) if one.state == "running"], "it runs"
        )
        jobs.find(info.id).cancel("enough")

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with Raises(Number.E_ABORT) as raised:
        job.Execute()
    canceller.join()
    assert "enough" in raised.error.description


def test_whoever_is_interrupted_cancels_the_job(
    scene: Scene, session: ISession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: JobHandle) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(JobHandle, "result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        session.NewJob("Test.Stay").Execute()
    jobs, known = Jobs(scene.store), guid(session)
    wait_until(lambda: [one.state for one in jobs.list(known)] == ["cancelled"], "it is cancelled")


def test_the_end_of_the_session_ends_its_jobs_with_no_session(
    scene: Scene, session: ISession
) -> None:
    job = session.NewJob("Test.Stay")

    def drop() -> None:
        jobs, known = Jobs(scene.store), guid(session)
        wait_until(lambda: [one for one in jobs.list(known) if one.state == "running"], "it runs")
        scene.server.OpenSession(known).Logout()

    dropper = threading.Thread(target=drop)
    dropper.start()
    with Raises(Number.errNoSession):
        job.Execute()
    dropper.join()
    assert job.Errors.ResultCode == 1501


def test_files_go_along_and_come_back(session: ISession, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"dear sir")
    job = session.NewJob("Test.Echo")
    job.InputFileParameters.AddExistFile(str(path))
    job.Execute()
    (found,) = job.OutputFileParameters
    assert Path(found.FileName).name == "letter.txt.copy"
    assert (found.GetChunk(100), found.ActualSize, found.AutoDelete) == (b"dear sir", 8, True)
    made = Path(found.FileName)
    del found
    job.Execute()  # gives other ones
    assert not made.exists()
    assert path.exists()


def test_a_licence_is_checked_by_the_server_and_not_taken(session: ISession) -> None:
    licenses = session.Licenses
    licenses.Check("asc")
    assert licenses.Count == 0
    with Raises(Number.E_ACCESSDENIED) as raised:
        licenses.Check("XXX")
    assert "XXX" in raised.error.description


class Recorder:
    """A sink of a program's own: an object with the one method."""

    def __init__(self) -> None:
        self.told: list[Callback] = []
        self.answer: Any = None
        self.refuses = False

    def Notify(self, Type: CallbackType, Body: Any, UserData: Any, Errors: INotifyErrors) -> Any:  # noqa: N802, N803
        self.told.append(Callback(Type, Body, UserData))
        if self.refuses:
            Errors.Add("sink", 1, "no such colour", 9)
        return self.answer

    def waits_for(self, count: int) -> list[Callback]:
        """Wait for so many callbacks."""
        wait_until(lambda: len(self.told) >= count, f"{count} callbacks")
        return self.told


def test_callbacks_come_in_order_with_their_user_data(session: ISession) -> None:
    sink = Recorder()
    for kind, user_data in (
        (CallbackType.cbProgress, 1),
        (CallbackType.cbStatus, 2),
        (CallbackType.cbLog, 3),
        (CallbackType.cbResult, "four"),
    ):
        session.SetCallBack(kind, sink, user_data)
    executed(session, "Test.Tell")
    told = [one for one in sink.waits_for(4) if one.Type is not CallbackType.cbProgress]
    assert told == [
        Callback(CallbackType.cbStatus, {"page": 1}, 2),
        Callback(CallbackType.cbLog, "a line", 3),
        Callback(CallbackType.cbResult, "told", "four"),
    ]
    progress = Callback(CallbackType.cbProgress, {"fraction": 0.5, "text": "half"}, 1)
    assert progress in sink.told


def test_another_sink_takes_the_place_of_the_first_and_none_ends_it(session: ISession) -> None:
    first, second, others = Recorder(), Recorder(), Recorder()
    session.SetCallBack(CallbackType.cbResult, first, 1)
    session.SetCallBack(CallbackType.cbRunning, others, 3)
    session.SetCallBack(CallbackType.cbResult, second, 2)
    executed(session, "Test.Tell")
    assert [one.UserData for one in second.waits_for(1)] == [2]
    session.SetCallBack(CallbackType.cbResult, None, 0)
    session.SetCallBack(CallbackType.cbStatus, first, 4)
    executed(session, "Test.Tell")
    assert [one.Type for one in first.waits_for(1)] == [CallbackType.cbStatus]
    others.waits_for(2)
    assert len(second.told) == 1


def test_a_question_is_answered_by_the_sink(session: ISession) -> None:
    sink = Recorder()
    sink.answer = "blue"
    session.SetCallBack(CallbackType.cbAsk, sink, 1)
    assert executed(session, "Test.Ask").OutputParameters["Result"].Value == "blue"
    assert sink.told[0].Body["type"] == "colour"
    assert sink.told[0].Body["body"] == {"of": "the sky"}


def test_a_sink_answers_with_errors(session: ISession) -> None:
    sink = Recorder()
    sink.refuses = True
    session.SetCallBack(CallbackType.cbAsk, sink, 1)
    job = session.NewJob("Test.Ask")
    with Raises(9) as raised:
        job.Execute()
    assert (raised.error.description, raised.error.source) == ("no such colour", "sink")


def test_the_sink_of_the_library_keeps_callbacks(session: ISession) -> None:
    sink = session.CreateJobSink()
    assert sink.Next(0) is None
    session.SetCallBack(CallbackType.cbStatus, sink, 1)
    session.SetCallBack(CallbackType.cbResult, sink, 2)
    executed(session, "Test.Tell")
    assert sink.Next(10) == Callback(CallbackType.cbStatus, {"page": 1}, 1)
    assert sink.Next(10) == Callback(CallbackType.cbResult, "told", 2)


def test_logout_is_the_last_callback(scene: Scene) -> None:
    session = scene.server.Login("alice", "secret")
    sink = Recorder()
    session.SetCallBack(CallbackType.cbSessionEnded, sink, 1)
    session.Logout()
    assert sink.waits_for(1)[0].Body["reason"] == "deleted"


def test_a_session_that_was_resumed_gets_its_own_callbacks(scene: Scene, session: ISession) -> None:
    resumed = Server(scene.another_store(), authenticator).OpenSession(guid(session))
    sink = Recorder()
    resumed.SetCallBack(CallbackType.cbResult, sink, 1)
    executed(session, "Test.Tell")
    assert sink.waits_for(1)[0].Body == "told"


@pytest.mark.parametrize(
    ("kind", "sink"), [(0, IJobSink()), (99, IJobSink()), (1, object()), (1, 5), ("1", IJobSink())]
)
def test_what_is_no_type_or_no_sink_is_refused(session: ISession, kind: Any, sink: Any) -> None:
    with Raises(Number.E_INVALIDARG):
        session.SetCallBack(kind, sink, 1)
