"""A child process, as its worker talks with it."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sessionstore.data import decode, encode
from sessionstore.worker._processes import Spawned, start_module

FACTS = ["id", "sid", "name", 1, 1, []]


def order(name: str) -> dict[str, Any]:
    """A job as a child is told it."""
    engine = "misbehaving" if name.startswith("Bad.") else "engines"
    return {
        "id": "id",
        "name": name,
        "module": f"tests.jobs.{engine}",
        "main": "",
        "facts": FACTS,
        "parameters": encode({}, "parameters"),
    }


async def heard(child: Spawned, *words: Any) -> list[Any]:
    """Return the first thing that it says that begins so."""
    while (said := await asyncio.wait_for(child.hear(), 30)) is not None:
        if said[: len(words)] == list(words):
            return list(said)
    raise AssertionError("it says nothing more")


async def test_a_late_answer_is_not_taken_for_that_of_the_next_job(runner: Any) -> None:
    child = await start_module("sessionstore.worker._child")
    try:
        child.say(["do", 1, order("Bad.AskAside")])
        late = await heard(child, 1, "request")
        await heard(child, 1, "done")
        child.say(["do", 2, order("Tests.AskPlainly")])
        asked = await heard(child, 2, "request")
        assert late[2] == asked[2], "both are the first request of their job"
        child.say(["answer", 1, late[2], encode({"value": "late"}, "answer"), ""])
        child.say(["stop", 1, "cancelled", "late"])
        child.say(["answer", 2, asked[2], encode({"value": "blue"}, "answer"), ""])
        _, _, body = await heard(child, 2, "done")
        assert decode(body, "result") == "blue"
    finally:
        await child.end()


async def test_what_cannot_be_imported_ahead_is_told_by_the_job(runner: Any) -> None:
    child = await start_module("sessionstore.worker._child")
    try:
        for jobs in (
            [["No.Such", "no.such.module", ""]],
            [["Tests.Pid", "tests.jobs.engines", ""]],
        ):
            child.say(["prepare", 0, jobs])
        child.say(["do", 1, order("Tests.Pid")])
        _, _, body = await heard(child, 1, "done")
        assert decode(body, "result") == child.process.pid
        child.say(["do", 2, {**order("No.Such"), "module": "no.such.module"}])
        _, _, body, _ = await heard(child, 2, "failed")
        assert decode(body, "errors")[0]["code"] == "ModuleNotFoundError"
    finally:
        await child.end()


async def test_a_child_that_is_told_nonsense_ends(runner: Any) -> None:
    for words in (["do", 1], [1], 7, ["answer", 0, 1]):
        child = await start_module("sessionstore.worker._child")
        try:
            child.say(words)
            assert await asyncio.wait_for(child.hear(), 30) is None, words
            assert await asyncio.wait_for(child.process.wait(), 30) == 1
        finally:
            await child.end()


class Staying:
    """A process that does not end."""

    async def wait(self) -> None:
        await asyncio.Event().wait()


@settings(deadline=None)
@given(st.binary())
def test_whatever_bytes_come_are_words_or_the_end(data: bytes) -> None:
    async def all_of_it() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        spawned = Spawned(Staying(), reader, None)  # type: ignore[arg-type]
        while (said := await spawned.hear()) is not None:
            assert isinstance(said, list)

    asyncio.run(all_of_it())
