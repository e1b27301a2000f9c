"""Whatever a handler raises or returns concerns its own sink only, which goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import JobFailed, ValueTooLarge
from sessionstore.data import decode
from tests.support.wait import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.jobs.support import Hand, Heard

OF_ANY_SHELL: list[type[BaseException]] = [
    asyncio.CancelledError,
    BaseException,
    GeneratorExit,
    StopAsyncIteration,
    StopIteration,
]
"""Kinds of errors that mean something to what calls a handler."""

OF_A_LOOP: list[type[BaseException]] = [KeyboardInterrupt, SystemExit]
"""Those that end an event loop: the user's own one they may end, but never that of all sinks."""


def is_async(store: Any) -> bool:
    return type(store).__name__.startswith("Async")


@pytest.mark.parametrize("kind", OF_ANY_SHELL + OF_A_LOOP)
async def test_a_handler_that_raises_is_told_the_next_event_and_others_are_too(
    store: Any, jobs: Any, hand: Hand, heard: Heard, kind: type[BaseException]
) -> None:
    if is_async(store) and kind in OF_A_LOOP:
        pytest.skip("ends the loop, as from any task")
    session, got = await store.create("a"), list[str]()

    def handler(type: str, *_: Any) -> None:  # noqa: A002 - the word of the face
        got.append(type)
        raise kind

    bad = await jobs.sink(session, handler)
    good = await jobs.sink(session, heard)
    await jobs.submit(session, "A.B")
    running = hand.start()
    running.ask("q", None)
    await until(lambda: running.answer("q"), "its error is the answer")
    assert decode(running.answer("q"), "")["errors"][0]["code"] in (kind.__name__, "RuntimeError")
    running.finish()
    told = ["queued", "running", "ask", "result"]
    await until(lambda: got == told, "the bad one goes on")
    await until(lambda: heard.types == told, "the good one goes on")
    for sink in (bad, good):
        assert (sink.is_open, sink.error) == (True, None)
        await sink.close()
        assert (sink.is_open, sink.error) == (False, None)


async def test_a_handler_may_await_what_is_cancelled(store: Any, jobs: Any, hand: Hand) -> None:
    if not is_async(store):
        pytest.skip("a handler that awaits is for asyncio")
    session, got = await store.create("a"), list[str]()

    async def handler(type: str, *_: Any) -> None:  # noqa: A002 - the word of the face
        got.append(type)
        other = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(other.cancel)
        await other

    sink = await jobs.sink(session, handler)
    await jobs.submit(session, "A.B")
    hand.start().finish()
    await until(lambda: got == ["queued", "running", "result"], "it goes on")
    assert sink.is_open
    await sink.close()


@pytest.mark.parametrize("how", ["in its handler", "at rest"])
async def test_a_sink_whose_task_is_cancelled_has_stopped_and_says_so(
    store: Any, jobs: Any, hand: Hand, how: str
) -> None:
    if not is_async(store):
        pytest.skip("the tasks of a synchronous sink are its own")
    session, tasks = await store.create("a"), list[Any]()

    async def handler(*_: Any) -> None:
        tasks.append(asyncio.current_task())
        if how == "in its handler":
            await asyncio.get_running_loop().create_future()

    sink = await jobs.sink(session, handler)
    await jobs.submit(session, "A.B")
    await until(lambda: tasks, "it was told")
    tasks[0].cancel()
    await until(lambda: not sink.is_open, "it has stopped")
    assert isinstance(sink.error, asyncio.CancelledError)


async def test_a_sink_that_cannot_go_on_has_stopped_and_says_why(
    store: Any, jobs: Any, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await store.create("a")
    sink = await jobs.sink(session, print)
    delivering = sink._delivering
    monkeypatch.setattr(delivering._following, "next", lambda: iter(())[0])
    await jobs.submit(session, "A.B")
    await until(lambda: not sink.is_open, "it has stopped")
    assert isinstance(sink.error, TypeError)
    await sink.close()


async def test_the_end_of_a_session_and_of_its_store_is_no_error(store: Any, jobs: Any) -> None:
    session = await store.create("a")
    sink = await jobs.sink(session, print)
    await session.delete()
    await until(lambda: not sink.is_open, "it has ended")
    assert sink.error is None


HOSTILE = {"a": type("Hostile", (), {"__str__": lambda _: 1 / 0})()}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (lambda: "x" * 70_000, "ValueTooLarge"),
        (object, "TypeRefused"),
        (lambda: "\ud800", "TypeRefused"),
        (lambda: _raise(ValueError("half \ud800")), "ValueError"),
        (lambda: _raise(ValueError("x" * 100_000)), "ValueError"),
        (lambda: _raise(ValueError(HOSTILE["a"])), "ValueError"),
        (lambda: _raise(JobFailed("")), "JobFailed"),
        (lambda: _raise(JobFailed("", errors=({"code": "x" * 70_000},))), "JobFailed"),
        (lambda: _raise(JobFailed("", errors=(HOSTILE,))), "JobFailed"),
        (lambda: _raise(JobFailed("", errors=("no paper",))), "JobFailed"),
    ],
)
async def test_a_question_is_answered_whatever_its_handler_says(
    store: Any, jobs: Any, hand: Hand, said: Callable[[], Any], code: str
) -> None:
    session = await store.create("a")
    sink = await jobs.sink(session, lambda kind, *_: said() if kind == "ask" else None)
    await jobs.submit(session, "A.B")
    running = hand.start()
    running.ask("q")
    await until(lambda: running.answer("q"), "it was answered")
    assert [one["code"] for one in decode(running.answer("q"), "")["errors"]] == [code]
    assert len(running.answer("q")) <= 64 << 10
    assert sink.is_open
    await sink.close()


async def test_an_answer_has_the_limit_of_an_event(store: Any, jobs: Any, hand: Hand) -> None:
    job = await jobs.submit(await store.create("a"), "A.B")
    running = hand.start()
    running.ask("q")
    with pytest.raises(ValueTooLarge) as refused:
        await jobs.answer(job.id, "q", "x" * 70_000)
    assert refused.value.limit == 64 << 10
    assert running.answer("q") == b""
    assert await jobs.answer(job.id, "q", "x" * 60_000)


def _raise(error: BaseException) -> None:
    raise error
