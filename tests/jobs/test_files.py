"""Files of jobs: given with the submit, attached by the job, read in pieces."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import JobRefused, StoreUnavailable
from sessionstore._core.jobs import files
from sessionstore._core.jobs.keys import find_job, new_job

if TYPE_CHECKING:
    from pathlib import Path

    from tests.jobs.support import Hand
    from tests.support.worlds import World

WEEK_MS = 7 * 86_400_000


async def test_files_are_given_in_whatever_shape_they_are(
    store: Any, jobs: Any, tmp_path: Path, hand: Hand
) -> None:
    path = tmp_path / "b"
    path.write_bytes(b"b" * 600_000)
    given = {"a": b"", "b": path, "c": str(path), "d": io.BytesIO(b"d" * (256 << 10)), "é ö": b"e"}
    job = await jobs.submit(await store.create("a"), "A.B", files=given)
    assert await job.file("a") == b""
    assert await job.file("b") == await job.file("c") == b"b" * 600_000
    assert await job.file("d") == b"d" * (256 << 10)
    assert await job.file("é ö") == b"e"
    with pytest.raises(KeyError):
        await job.file("f")


async def test_a_pipe_is_read_to_its_end(store: Any, jobs: Any) -> None:
    pieces = [b"1", b"22", b"333"]

    class Pipe(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return pieces.pop(0) if pieces else b""

    job = await jobs.submit(await store.create("a"), "A.B", files={"a": Pipe()})
    assert await job.file("a") == b"122333"


async def test_a_job_attaches_files_and_puts_them_anew(
    store: Any, jobs: Any, hand: Hand, world: World
) -> None:
    job = await jobs.submit(await store.create("a"), "A.B", files={"in": b"1"})
    running = hand.start()
    running.attach("out", b"x" * 600_000)
    running.attach("out", b"y" * 300_000)
    running.finish()
    assert await job.file("out") == b"y" * 300_000
    assert await job.file("in") == b"1"
    kept = world.raw.hgetall(find_job(world.keys, job.id).files)
    assert sorted(map(len, kept.values())) == [1, 300_000 - (256 << 10), 256 << 10]


async def test_files_stay_as_long_as_their_job(
    store: Any, jobs: Any, hand: Hand, world: World
) -> None:
    job = await jobs.submit(await store.create("a"), "A.B", files={"in": b"1"}, keep=100)
    key = find_job(world.keys, job.id)
    assert world.raw.pttl(key.files) == pytest.approx(WEEK_MS, abs=30_000)
    hand.start().finish()
    assert 0 < world.raw.pttl(key.files) <= 100_000
    assert world.raw.pttl(key.files) == pytest.approx(world.raw.pttl(key.job), abs=2_000)


async def test_what_is_staged_and_not_named_goes(world: World) -> None:
    job = new_job(world.keys.buckets[0])
    world.driver().run(files.stage(job, "a", b"1"))
    assert 0 < world.raw.pttl(job.files) <= 60_000


async def test_a_file_of_which_a_part_has_gone_is_not_taken_for_whole(
    store: Any, jobs: Any, world: World
) -> None:
    job = await jobs.submit(await store.create("a"), "A.B", files={"in": b"1" * 600_000})
    key = find_job(world.keys, job.id)
    piece = next(name for name in world.raw.hkeys(key.files) if name.endswith(b":1"))
    world.raw.hdel(key.files, piece)
    with pytest.raises(StoreUnavailable, match="not there any more"):
        await job.file("in")


async def test_files_have_a_limit_in_all(
    store: Any, jobs: Any, monkeypatch: pytest.MonkeyPatch, hand: Hand
) -> None:
    session = await store.create("a")
    with pytest.raises(JobRefused) as refused:
        await jobs.submit(session, "A.B", files={"a": b"1", "b": bytes(64 << 20)})
    assert (refused.value.limit, refused.value.value) == ("size", 64 << 20)
    monkeypatch.setattr(files, "PIECES", 3)
    await jobs.submit(session, "A.B", files={"a": b"1"})
    running = hand.start()
    running.attach("b", b"2" * 300_000)
    with pytest.raises(JobRefused):
        running.attach("c", b"3")


async def test_a_piece_that_is_sent_twice_is_there_once(world: World) -> None:
    job, driver = new_job(world.keys.buckets[0]), world.driver()
    for _ in range(2):
        driver.do(files._stage(job, "a", "7", 0, b"1"))
    assert world.raw.hgetall(job.files) == {b"7:0": b"1"}
    with pytest.raises(StoreUnavailable):
        driver.do(files._stage(job, "a", "7", 2, b"3"))


async def test_files_go_where_the_jobs_of_a_session_are(
    store: Any, jobs: Any, world: World
) -> None:
    session = await store.create("a", owner="ann")
    first = await jobs.submit(session, "A.B")
    await session.close(owner="bob")
    job = await jobs.submit("a", "A.B", owner="bob", files={"in": b"1"})
    assert job.id[:2] == first.id[:2]
    assert await job.file("in") == b"1"
