"""The doctor finds jobs that nobody sees to, and what does not agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import redis

from sessionstore._core.jobs.keys import find_group, find_job, queue
from sessionstore.doctor import Finding, Verdict, examine
from sessionstore.jobs import JobHandle, Jobs
from sessionstore.store import SessionStore
from tests.jobs.support import Hand

LONG_AGO = 1_000


@pytest.fixture
def raw(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url) as client:
        yield client


@pytest.fixture
def job(store: SessionStore) -> JobHandle:
    return Jobs(store).submit(store.create("a", owner="ann"), "A.B")


@pytest.fixture
def checked(url: str, prefix: str) -> Callable[[], Finding]:
    def check() -> Finding:
        (found,) = [one for one in examine(url, prefix=prefix) if one.check == "jobs"]
        return found

    return check


def hand_of(store: SessionStore) -> Hand:
    return Hand(store._driver, store._calls.keys)


def test_jobs_that_are_seen_to_are_in_order(
    checked: Callable[[], Finding], store: SessionStore, job: JobHandle
) -> None:
    running = hand_of(store).start()
    Jobs(store).submit("a", "A.B", owner="ann", delay=1000)
    Jobs(store).submit("a", "A.B", owner="ann")
    assert (checked().verdict, checked().found) == (Verdict.GOOD, "3 compared, all in order")
    running.finish()
    assert checked().found == "2 compared, all in order"


def test_jobs_that_nobody_sees_to_are_told(
    checked: Callable[[], Finding], store: SessionStore, job: JobHandle, raw: redis.Redis
) -> None:
    key = find_job(store._calls.keys, job.id)
    running = hand_of(store).start()
    raw.hset(key.job, "l", LONG_AGO)
    raw.zadd(f"{key.bucket.tag}jx", {job.id: LONG_AGO})
    told = checked()
    assert told.verdict is Verdict.ADVICE
    assert told.found == "1 that nobody looks at, 1 whose lease is long over"
    running.finish()
    waiting = Jobs(store).submit("a", "A.B", owner="ann")
    other = find_job(store._calls.keys, waiting.id)
    raw.hset(other.job, "d", LONG_AGO)
    assert checked().verdict is Verdict.GOOD
    line = queue(store._calls.keys, "default").limits[:-1]
    raw.delete(f"{line}w:ann")
    assert checked().found == "1 that wait without a place in line"
    raw.zadd(f"{line}c", {f"{waiting.id}ann": LONG_AGO})
    assert checked().found == "1 taken from default by workers that are gone"


def test_jobs_that_do_not_agree_are_told(
    checked: Callable[[], Finding], store: SessionStore, job: JobHandle, raw: redis.Redis
) -> None:
    keys = store._calls.keys
    key = find_job(keys, job.id)
    group = find_group(keys, str(raw.hget(key.job, "g"), "ascii"))
    raw.zrem(f"{key.bucket.tag}js:{group.id}", job.id)
    assert checked().found == "1 missing in the group of their session"
    raw.delete(group.facts)
    assert checked().found == "1 without the group of a session"
    raw.delete(key.job)
    told = checked()
    assert (told.verdict, told.found) == (
        Verdict.CHANGE,
        "1 in the index without a job that lives",
    )
    assert job.id not in told.advice
