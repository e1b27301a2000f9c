"""Sinks are told all that the jobs of a session tell: in order, once, and to its end."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import JobFailed
from sessionstore._core.jobs import following
from sessionstore._core.jobs.keys import find_group
from sessionstore.data import decode
from tests.support.wait import until

if TYPE_CHECKING:
    from tests.jobs.support import Hand, Heard
    from tests.support.worlds import World

ALL = ["queued", "running", "progress", "status", "log", "result"]


async def told(hand: Hand, jobs: Any, session: Any) -> None:
    """Let a job tell something of every kind."""
    await jobs.submit(session, "A.B")
    running = hand.start()
    running.report(("progress", {"fraction": 0.5, "text": "half"}))
    running.report(("status", {"pages": [1, 2]}), ("log", "x" * 2000))
    running.finish(value=7)


async def test_a_handler_is_told_everything_in_order(
    store: Any, jobs: Any, hand: Hand, heard: Heard
) -> None:
    session = await store.create("a")
    async with await jobs.sink(session, heard, user_data=5) as sink:
        for _ in range(3):
            await told(hand, jobs, session)
        await until(lambda: len(heard.events) == 18, "it was told all")
        assert heard.types == ALL * 3
        assert heard.sequence == list(range(1, 19))
        bodies = [event.body for event in heard.events[:6]]
        assert bodies[:2] == [{}, {}]
        assert bodies[2:4] == [{"fraction": 0.5, "text": "half"}, {"pages": [1, 2]}]
        assert bodies[4:] == ["x" * 2000, 7]
        await session.delete()
        await until(lambda: not sink.is_open, "it has ended")
    assert heard.events[-1].type == "session-ended"
    assert heard.events[-1].body == {"reason": "deleted"}


async def test_what_is_told_is_heard_and_not_only_found_by_looking(
    store: Any, jobs: Any, hand: Hand, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CHECK_BUSY", "CHECK_IDLE"):
        monkeypatch.setattr(following, name, 3600)
    session = await store.create("a")
    async with await jobs.sink(session, heard):
        for number in range(1, 4):
            await told(hand, jobs, session)
            await until(lambda n=number: len(heard.events) == 6 * n, "it was told")


async def test_a_handler_gets_its_user_data_and_the_types_it_wants(
    store: Any, jobs: Any, hand: Hand
) -> None:
    session, got = await store.create("a"), []
    sink = await jobs.sink(
        session, lambda *given: got.append(given), types=("progress", "result"), user_data={"n": 1}
    )
    await told(hand, jobs, session)
    await session.delete()
    await until(lambda: not sink.is_open, "it has ended")
    assert [kind for kind, _, _ in got] == ["progress", "result", "session-ended"]
    assert all(data == {"n": 1} for _, _, data in got)


async def test_a_sink_begins_now_or_at_the_start_or_after_a_cursor(
    store: Any, jobs: Any, hand: Hand, heard: Heard
) -> None:
    session = await store.create("a")
    first = await jobs.sink(session, heard)
    await told(hand, jobs, session)
    await until(lambda: len(heard.events) == 6, "it was told")
    cursor = first.cursor
    await first.close()
    assert not first.is_open
    handlers = [type(heard)() for _ in range(3)]
    sinks = [
        await jobs.sink(session, handler, after=after)
        for handler, after in zip(handlers, (None, "start", cursor), strict=True)
    ]
    await told(hand, jobs, session)
    for handler, begun in zip(handlers, (7, 1, 7), strict=True):
        await until(lambda one=handler: one.sequence[-1:] == [12], "it was told")  # type: ignore[misc]
        assert handler.sequence == list(range(begun, 13))
    for sink in sinks:
        await sink.close()
        await sink.close()
    assert len(heard.events) == 6
    assert [event.id for event in handlers[1].events[:6]] == [event.id for event in heard.events]


async def test_a_handler_that_raises_is_told_the_next_event_and_its_error_shows_no_body(
    store: Any, jobs: Any, hand: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    session, got = await store.create("a"), []

    def handler(kind: str, body: Any, _: Any) -> None:
        got.append(kind)
        raise ValueError(f"secret {body}")

    with caplog.at_level(logging.ERROR, "sessionstore.jobs"):
        sink = await jobs.sink(session, handler)
        await told(hand, jobs, session)
        await until(lambda: got == ALL, "it was told all")
        await sink.close()
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text
    assert "pages" not in caplog.text


async def test_what_a_handler_returns_is_the_answer(store: Any, jobs: Any, hand: Hand) -> None:
    session = await store.create("a")
    answers: list[Any] = [
        None,
        {"yes": True},
        ValueError("no"),
        JobFailed("", errors=({"code": 5},)),
    ]

    def handler(kind: str, body: Any, _: Any) -> Any:
        if kind != "ask":
            return "not asked for"
        assert body["type"] == "yes or no"
        answer = answers[body["body"]]
        if isinstance(answer, Exception):
            raise answer
        return answer

    sink = await jobs.sink(session, handler)
    await jobs.submit(session, "A.B")
    running = hand.start()
    for number in range(4):
        running.ask(f"q{number}", number)
    await until(lambda: running.answer("q3"), "it was answered")
    assert running.answer("q0") == b""
    assert decode(running.answer("q1"), "") == {"value": {"yes": True}}
    (refused,) = decode(running.answer("q2"), "")["errors"]
    assert (refused["code"], refused["text"]) == ("ValueError", "no")
    assert decode(running.answer("q3"), "") == {"errors": [{"code": 5}]}
    await sink.close()


async def test_a_slow_handler_loses_nothing_and_holds_up_nobody(
    store: Any, jobs: Any, hand: Hand, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "AHEAD", 10)
    session, got = await store.create("a"), []
    free = threading.Event()

    async def waiting(kind: str, body: Any, data: Any, *, event: Any) -> None:
        got.append(event.sequence)
        await asyncio.to_thread(free.wait, 30)

    def blocking(kind: str, body: Any, data: Any, *, event: Any) -> None:
        got.append(event.sequence)
        free.wait(30)

    is_async = type(store).__name__.startswith("Async")
    slow = await jobs.sink(session, waiting if is_async else blocking)
    quick = await jobs.sink(session, heard)
    for _ in range(5):
        await told(hand, jobs, session)
    await until(lambda: heard.sequence == list(range(1, 31)), "the quick one was told all")
    assert got == [1]
    free.set()
    await until(lambda: got == list(range(1, 31)), "the slow one was told all")
    await slow.close()
    await quick.close()


async def test_a_handler_may_close_its_sink(store: Any, jobs: Any, hand: Hand) -> None:
    session, got, sinks = await store.create("a"), [], []

    def plain(kind: str, *_: Any) -> None:
        got.append(kind)
        if len(got) == 2:
            type(sinks[0]).__mro__[1].close(sinks[0])

    async def awaited(kind: str, *_: Any) -> None:
        got.append(kind)
        if len(got) == 2:
            await sinks[0].close()

    is_async = type(store).__name__.startswith("Async")
    sinks.append(await jobs.sink(session, awaited if is_async else plain))
    await told(hand, jobs, session)
    await until(lambda: not sinks[0].is_open, "it is closed")
    assert got == ALL[:2]


async def test_who_comes_back_late_is_told_of_one_gap_and_how_the_jobs_are(
    store: Any, jobs: Any, hand: Hand, heard: Heard
) -> None:
    session = await store.create("a")
    sink = await jobs.sink(session, heard)
    job = await jobs.submit(session, "A.Live", n=1)
    await until(lambda: heard.types == ["queued"], "it was told")
    cursor = sink.cursor
    await sink.close()
    live = hand.start()
    progress = {"fraction": 0.5, "text": "half"}
    live.report(("progress", progress), i=progress)
    live.report(("status", "printing"), j="printing")
    done = await jobs.submit(session, "A.Done")
    hand.start().finish(value=7)
    failed = await jobs.submit(session, "A.Failed")
    hand.start().finish("failed", [{"code": 5}], "no paper")
    waiting = await jobs.submit(session, "A.Waiting", delay=100)
    for number in range(500):
        live.report(("log", f"line {number}"))

    late = type(heard)()
    sink = await jobs.sink(session, late, after=cursor)
    await until(lambda: late.events[-1:] and late.events[-1].body == "line 499", "it is told all")
    kept = len(late.types) - 1
    assert 256 <= kept <= 356
    assert late.types == ["gap", *["log"] * kept]
    assert late.sequence[1:] == list(range(late.sequence[1], late.sequence[1] + kept))
    gap = late.events[0].body
    assert gap["why"] == "trimmed"
    found = {one["job"]: one for one in gap["jobs"]}
    assert set(found) == {job.id, done.id, failed.id, waiting.id}
    states = [found[one.id]["state"] for one in (job, done, failed, waiting)]
    assert states == ["running", "done", "failed", "queued"]
    assert (found[job.id]["progress"], found[job.id]["status"]) == (progress, "printing")
    assert (found[job.id]["name"], found[done.id]["result"]) == ("A.Live", 7)
    assert (found[failed.id]["errors"], found[failed.id]["why"]) == ([{"code": 5}], "no paper")
    await sink.close()


async def test_a_store_that_has_gone_back_in_time_is_told_as_a_gap(
    store: Any, jobs: Any, hand: Hand, heard: Heard, world: World
) -> None:
    session = await store.create("a")
    sink = await jobs.sink(session, heard)
    await told(hand, jobs, session)
    await until(lambda: heard.types == ALL, "it was told all")
    group = find_group(world.keys, world.fields(session)["j"].decode())
    world.raw.hset(group.facts, "n", 4)
    for entry, _ in world.raw.xrange(group.events)[4:]:
        world.raw.xdel(group.events, entry)
    await told(hand, jobs, session)
    await until(lambda: heard.types[6:] == ["gap", *ALL], "it was told")
    assert heard.events[6].body["why"] == "rollback"
    assert heard.sequence[7:] == list(range(5, 11))
    await sink.close()


async def test_a_cursor_of_another_session_of_the_same_name_is_a_gap(
    store: Any, jobs: Any, hand: Hand, heard: Heard
) -> None:
    session = await store.create("a")
    sink = await jobs.sink(session, heard)
    await told(hand, jobs, session)
    await until(lambda: heard.types == ALL, "it was told all")
    await session.delete()
    await until(lambda: not sink.is_open, "it has ended")
    again = await store.create("a")
    late = type(heard)()
    sink = await jobs.sink(again, late, after=sink.cursor)
    await told(hand, jobs, again)
    await until(lambda: late.types == ["gap", *ALL], "it was told")
    await sink.close()


async def test_who_comes_back_after_the_end_is_not_let_in(
    store: Any, jobs: Any, heard: Heard, world: World
) -> None:
    """And who was there, but had heard nothing of it, is told when it looks."""
    session = await store.create("a")
    sink = await jobs.sink(session, heard)
    await jobs.submit(session, "A.B")
    await until(lambda: heard.types == ["queued"], "it was told")
    world.clear()
    await until(lambda: not sink.is_open, "it has ended")
    assert (heard.events[-1].type, heard.events[-1].body) == (
        "session-ended", {"reason": "timed out"},
    )  # fmt: skip


async def test_sinks_go_along_with_a_session_that_gets_another_owner(
    store: Any, jobs: Any, hand: Hand, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "CHECK_IDLE", 0.2)
    session = await store.create("a", owner="ann")
    sink = await jobs.sink(session, heard)
    await session.close(owner="bob", id="b")
    await jobs.submit("b", "A.B", owner="bob")
    hand.start().finish(value=1)
    await until(lambda: heard.types == ["queued", "running", "result"], "it was told")
    await store.delete("b", "bob")
    await until(lambda: not sink.is_open, "it has ended")


async def test_a_sink_notices_a_timeout_that_nobody_sweeps(
    store: Any, jobs: Any, heard: Heard, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "CHECK_IDLE", 0.2)
    session = await store.create("a")
    sink = await jobs.sink(session, heard)
    await session.close()
    world.age(session, 10_000)
    await until(lambda: not sink.is_open, "it has ended")
    assert [event.body for event in heard.events] == [{"reason": "timed out"}]


async def test_subscriptions_return_to_zero(store: Any, jobs: Any, hand: Hand) -> None:
    driver = store._driver
    sinks = []
    for number in range(20):
        session = await store.create(f"s{number}")
        sinks += [await jobs.sink(session, print) for _ in range(2)]
    rings = driver.ringing if hasattr(driver, "ringing") else driver.looping._driver.ringing
    assert rings.channels == 20
    for sink in sinks:
        await sink.close()
    assert rings.channels == 0
    assert all(not line.channels for line in rings._lines.values())


async def test_a_store_that_is_closed_ends_its_sinks(store: Any, jobs: Any, world: World) -> None:
    other = await world.connect()
    session = await other.create("b")
    sink = await type(jobs)(other).sink(session, print)
    await other.close()
    await until(lambda: not sink.is_open, "it has ended")
    assert sink.error is None
    await sink.close()
