"""Every public method of jobs by a user who is not privileged: others' jobs are not there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import JobNotFound, NotPermitted, SessionNotFound
from sessionstore.jobs import JobHandle, Jobs, Sink
from tests.jobs.support import jobs_of
from tests.store.test_views import OWNERS, PLAIN_MAY, VIEWS
from tests.support.wait import until

if TYPE_CHECKING:
    from tests.jobs.support import Hand, Heard, Running

A_SESSION: dict[str, Callable[..., Any]] = {
    "submit": lambda jobs, id, owner: jobs.submit(id, "A.B", owner=owner),
    "submit_many": lambda jobs, id, owner: jobs.submit_many(id, "A.B", [{}], owner=owner),
    "execute": lambda jobs, id, owner: jobs.execute(id, "A.B", owner=owner, timeout=0),
    "sink": lambda jobs, id, owner: jobs.sink(id, print, owner=owner),
}
"""What is about a session."""

A_JOB: dict[str, Callable[..., Any]] = {
    "find": lambda jobs, id: jobs.find(id),
    "retry": lambda jobs, id: jobs.retry(id),
    "answer": lambda jobs, id: jobs.answer(id, "q", 1),
}
OF_A_HANDLE: dict[str, Callable[..., Any]] = {
    "info": lambda job: job.info(),
    "result": lambda job: job.result(timeout=0),
    "cancel": lambda job: job.cancel(),
    "file": lambda job: job.file("in"),
    "state": lambda job: job.state,
}
OTHERS = {"list", "adopt", "configure_queue"}
OTHERS_OF_A_HANDLE = {"id", "events"}


def members(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_every_method_is_in_one_of_the_tables() -> None:
    assert members(Jobs) == {*A_SESSION, *A_JOB, *OTHERS}
    assert members(JobHandle) == {*OF_A_HANDLE, *OTHERS_OF_A_HANDLE}
    assert members(Sink) == {"cursor", "error", "is_open", "close"}


@pytest.fixture(params=VIEWS)
def view(request: pytest.FixtureRequest, store: Any) -> tuple[str, Any]:
    return request.param, jobs_of(VIEWS[request.param](store))


async def text_of(call: Any, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        await call()
    return str(caught.value)


@pytest.mark.parametrize("method", A_SESSION)
@pytest.mark.parametrize("named", [True, False])
async def test_a_session(store: Any, view: tuple[str, Any], method: str, named: bool) -> None:
    kind, acting = view
    call = A_SESSION[method]
    for whose, owner in OWNERS.items():
        session = await store.create(id="a" if named else None, owner=owner, open=False)
        if kind != "plain" or whose in PLAIN_MAY:
            try:
                done = await call(acting, session.id, owner)
            except TimeoutError:
                continue
            if method == "sink":
                await done.close()
        else:
            told = await text_of(partial(call, acting, session.id, owner), SessionNotFound)
            await store.delete(session.id, owner)
            await store.create(id="b", owner=owner, open=False)
            assert told == await text_of(partial(call, acting, session.id, owner), SessionNotFound)


def started(hand: Hand, id: str) -> Running:
    return next(running for running in hand.take() if running.id == id)


@pytest.mark.parametrize("method", [*A_JOB, *OF_A_HANDLE, "events"])
async def test_a_job(store: Any, jobs: Any, view: tuple[str, Any], hand: Hand, method: str) -> None:
    kind, acting = view
    for whose, owner in OWNERS.items():
        session = await store.create(owner=owner, open=False)
        job = await jobs.submit(session.id, "A.B", files={"in": b"1"})
        running = started(hand, job.id)
        running.ask("q")
        before = await job.info()

        async def called(id: str = job.id, job: Any = job) -> None:
            if method in A_JOB:
                await A_JOB[method](acting, id)
                return
            handle = type(job)(acting._context, id)
            if method == "events":
                assert [event async for event in handle.events()]
            else:
                await OF_A_HANDLE[method](handle)

        if kind != "plain" or whose in PLAIN_MAY:
            if method == "retry":
                running.finish("failed", [], "no paper")
            try:
                await called()
            except TimeoutError:
                continue
        else:
            told = await text_of(called, JobNotFound)
            assert await job.info() == before
            assert running.answer("q") == b""
            absent = job.id[:7] + "x" * (len(job.id) - 7)
            assert told == await text_of(partial(called, absent), JobNotFound)


async def test_what_is_listed(store: Any, jobs: Any, view: tuple[str, Any]) -> None:
    kind, acting = view
    for owner in OWNERS.values():
        await jobs.submit((await store.create(owner=owner, open=False)).id, "A.B", owner=owner)
    seen = {"alice", "*"} if kind == "plain" else set(OWNERS.values())
    assert {info.owner async for info in acting.list()} == seen
    for owner in OWNERS.values():
        found = [info.owner async for info in acting.list(owner=owner)]
        assert found == ([owner] if owner in seen else [])


async def test_a_queue_is_for_the_application(view: tuple[str, Any]) -> None:
    kind, acting = view
    if kind == "plain":
        for limits in ({}, {"paused": True}):
            with pytest.raises(NotPermitted):
                await acting.configure_queue("default", **limits)
    else:
        await acting.configure_queue("default", paused=False)


async def test_only_ones_own_orphans_are_adopted_and_by_ones_own_sessions(
    store: Any, jobs: Any
) -> None:
    alice = jobs_of(store.as_user("alice"))
    theirs = await store.create("b", owner="bob")
    own = await store.create("a", owner="alice")
    job = await jobs.submit(theirs, "A.B")
    with pytest.raises(JobNotFound):
        await alice.adopt(job.id, "a")
    with pytest.raises(SessionNotFound):
        await alice.adopt((await jobs.submit(own, "A.B")).id, "b", "bob")


async def test_a_session_that_goes_to_another_owner_takes_its_jobs_along(
    store: Any, jobs: Any, hand: Hand, heard: Heard
) -> None:
    """Whoever had it hears no more of them: of what was missed, and at the latest within a look."""
    alice = jobs_of(store.as_user("alice"))
    session = await store.create("a", owner="alice")
    job = await alice.submit(session, "A.B")
    sink = await alice.sink(session, heard)
    await session.close(owner="bob")
    for call in (alice.find, alice.retry):
        with pytest.raises(JobNotFound):
            await call(job.id)
    await jobs.find(job.id)
    await until(lambda: not sink.is_open, "the sink has ended")
    assert heard.events[-1].type == "session-ended"
    assert heard.events[-1].body == {"reason": "moved"}


@pytest.mark.parametrize("before", ["alice", "*"])
async def test_who_may_not_see_a_session_any_more_is_told_nothing_from_then_on(
    store: Any, jobs: Any, hand: Hand, heard: Heard, before: str
) -> None:
    """Its job goes on, and rings; a sink of whom it belongs to now is told."""
    alice, bob = (jobs_of(store.as_user(name)) for name in ("alice", "bob"))
    session = await store.create("a", owner=before)
    job = await jobs.submit(session, "A.B")
    running = hand.start()
    sink = await alice.sink("a", heard, after="start", owner=before)
    running.report(("log", "for alice"))
    await until(lambda: heard.types == ["queued", "running", "log"], "she was told")
    await session.close(owner="bob")
    theirs = type(heard)()
    other = await bob.sink("a", theirs, owner="bob")
    running.report(("log", "for bob"), ("status", "for bob"))
    running.ask("q", "for bob")
    running.finish(value="for bob")
    await until(lambda: theirs.types == ["log", "status", "ask", "result"], "he was told")
    await until(lambda: not sink.is_open, "her sink has ended")
    assert sink.error is None
    assert heard.types == ["queued", "running", "log", "session-ended"]
    assert heard.events[-1].body == {"reason": "moved"}
    for after in ("start", sink.cursor):
        with pytest.raises(SessionNotFound):
            await alice.sink("a", heard, after=after, owner="bob")
    with pytest.raises(JobNotFound):
        await alice.answer(job.id, "q", 1)
    await other.close()


async def test_a_handler_that_was_asked_before_answers_no_more_once_it_may_not_see_the_session(
    store: Any, jobs: Any, hand: Hand
) -> None:
    alice = jobs_of(store.as_user("alice"))
    session = await store.create("a", owner="alice")
    await jobs.submit(session, "A.B")
    running = hand.start()
    asked, free = threading.Event(), threading.Event()

    def plain(kind: str, *_: Any) -> Any:
        asked.set()
        free.wait(30)
        return "hers"

    async def awaited(kind: str, *_: Any) -> Any:
        return await asyncio.to_thread(plain, kind)

    is_async = type(store).__name__.startswith("Async")
    sink = await alice.sink("a", awaited if is_async else plain, types=("ask",), owner="alice")
    running.ask("q")
    await until(asked.is_set, "she was asked")
    await session.close(owner="bob")
    free.set()
    await until(lambda: not sink.is_open, "her sink has ended")
    assert running.answer("q") == b""
