"""The commands about jobs tell the truth, do what they say, and show no values unasked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sessionstore.jobs import Jobs
from sessionstore.store import SessionStore
from tests.jobs.support import Hand
from tests.support.wait import wait_until

Command = Callable[..., Any]


@pytest.fixture
def jobs(store: SessionStore) -> Jobs:
    return Jobs(store)


@pytest.fixture
def hand(store: SessionStore) -> Iterator[Hand]:
    driver = store._driver.beside()
    yield Hand(driver, store._calls.keys)
    driver.close()


def test_jobs_are_listed(ss: Command, store: SessionStore, jobs: Jobs, hand: Hand) -> None:
    assert ss("jobs", "ls").err == "no such job\n"
    session = store.create("a", owner="ann")
    job = jobs.submit(session, "Bills.Print", pages="secret")
    other = jobs.submit(session, "A.B", queue="slow")
    hand.start(name="slow").finish("failed", [{"code": 5, "text": "secret"}], "ValueError")
    assert [row["id"] for row in ss("jobs", "ls", "--json", "--state", "queued").json] == [job.id]
    assert {row["id"] for row in ss("jobs", "ls", "--json").json} == {job.id, other.id}
    assert [row["id"] for row in ss("jobs", "dead", "--json").json] == [other.id]
    assert ss("jobs", "ls", "--json", "--session", "a", "--queue", "slow", "--owner", "ann").json
    assert ss("jobs", "ls", "--json", "--owner", "bob").json == []
    assert len(ss("jobs", "ls", "--json", "--limit", "1").json) == 1
    text = ss("jobs", "ls").out
    for word in ("Bills.Print", "ann", "queued", "failed", "ValueError", "slow"):
        assert word in text
    assert "secret" not in text
    assert ss("jobs", "ls", "--state", "over").status == 2


def test_a_job_is_shown(ss: Command, store: SessionStore, jobs: Jobs, hand: Hand) -> None:
    job = jobs.submit(store.create("a"), "A.B", files={"in.txt": b"12345"})
    running = hand.start()
    running.report(("progress", {"fraction": 0.5, "text": "half"}), ("status", "secret"))
    running.finish(value="secret")
    text = ss("jobs", "show", job.id).out
    for word in ("done", "in.txt, 5 B", "50%", "half", "result"):
        assert word in text
    assert "secret" not in text
    assert ss("jobs", "show", job.id, "--values").out.count("secret") == 3
    told = ss("jobs", "show", job.id, "--json").json
    assert [event["type"] for event in told["events"]][-1] == "result"
    assert "secret" not in json.dumps(told)
    assert ss("jobs", "show", job.id, "--json", "--values").json["outcome"] == "'secret'"
    said = ss("jobs", "show", f"{job.id[:3]}{'x' * 22}")
    assert said.status == 2
    assert "not found" in said.err


def test_a_job_is_cancelled_and_done_again(
    ss: Command, store: SessionStore, jobs: Jobs, hand: Hand
) -> None:
    job = jobs.submit(store.create("a"), "A.B")
    assert ss("jobs", "cancel", job.id, "--reason", "enough").out == "it is cancelled\n"
    assert job.info().why == "enough"
    assert ss("jobs", "retry", job.id).out == f"{job.id}: queued\n"
    hand.start()
    assert ss("jobs", "cancel", job.id, "--grace", "10s").out == "it is told to stop\n"
    assert job.info().stopping
    said = ss("jobs", "retry", job.id)
    assert said.status == 1
    assert "running" in said.err


def test_a_queue_is_drained(ss: Command, store: SessionStore, jobs: Jobs, hand: Hand) -> None:
    jobs.submit(store.create("a"), "A.B")
    running = hand.start()
    jobs.submit("a", "A.B")
    assert ss("jobs", "drain").out == "default is paused: 1 taken, 1 waiting, 0 for later\n"
    assert ss("jobs", "drain", "--wait", "10ms").status == 1
    assert hand.take() == []
    running.finish()
    assert ss("jobs", "drain", "--wait", "10s").out.startswith("default is paused: 0 taken")
    assert ss("jobs", "drain", "--off").out.startswith("default is open: 0 taken, 1 waiting")
    assert hand.take()


@pytest.mark.parametrize("what", ["job", "session"])
def test_what_is_told_is_shown_as_it_comes(
    process: Command, url: str, store: SessionStore, jobs: Jobs, hand: Hand, what: str
) -> None:
    prefix = store._calls.keys.prefix
    session = store.create("a", owner="ann")
    job = jobs.submit(session, "A.B")
    other = jobs.submit(session, "A.Other", queue="other")
    words = [job.id] if what == "job" else ["a", "--owner", "ann"]
    child = process("jobs", "tail", *words, "--begin", "--url", url, "--prefix", prefix)
    shown: list[str] = []
    reading = threading.Thread(target=lambda: shown.extend(iter(child.stdout.readline, "")))
    reading.start()
    wait_until(lambda: shown, "it has begun", timeout=60)
    running = hand.start()
    running.report(("log", "one\ntwo"), ("status", "secret"))
    beside = hand.start(name="other")
    beside.report(("log", "other"))
    running.finish(value="secret")
    if what == "session":
        beside.finish()
        session.delete()
    reading.join(30)
    assert child.wait(30) == 0
    text = "".join(shown)
    for word in ("queued", "running", "log  one\n", "  two\n", "status", "result"):
        assert word in text
    assert "secret" not in text
    assert ("other" in text) == (what == "session")
    assert ("session-ended  deleted" in text) == (what == "session")
    assert other.state


def test_options_before_the_command_reach_those_below_it(
    cli: Command, url: str, prefix: str, store: SessionStore, jobs: Jobs
) -> None:
    job = jobs.submit(store.create("a"), "A.B")
    assert job.id in cli("--url", url, "--prefix", prefix, "jobs", "ls").out
    assert cli("--url", url, "--prefix", "other", "jobs", "ls").status == 2
