"""A close after a block whose own close had no answer says only what is true."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from sessionstore import SessionNotOpen, StoreUnavailable, TimedOut, ValueTooLarge
from sessionstore._core.operation import Operation, Step
from tests.support.steps import answers_lost, around, nothing_arrives
from tests.support.worlds import World

LOST = pytest.mark.parametrize("lost", [answers_lost, nothing_arrives])


@LOST
@pytest.mark.parametrize("mode", ["exclusive", "shared"])
async def test_a_close_after_the_block_sends_again_what_had_no_answer(
    store: Any, lost: Any, mode: str
) -> None:
    await store.create("a", data={"n": 1}, open=False)
    with lost(store), pytest.raises(TimedOut):
        async with store.open("a", mode=mode) as session:
            session["n"] = 2
    await session.close()
    await session.close()
    assert (await store.read("a"))["n"] == 2
    await (await store.open("a", wait=0)).close()


@LOST
@pytest.mark.parametrize("mode", ["exclusive", "shared"])
async def test_a_close_after_the_block_does_not_answer_for_a_save_without_an_answer(
    store: Any, lost: Any, mode: str
) -> None:
    await store.create("a", data={"n": 1}, open=False)
    session = await store.open("a", mode=mode)
    session["n"] = 2
    with lost(store):
        with pytest.raises(TimedOut):
            await session.save()
        with pytest.raises(TimedOut):
            async with session:
                pass
    with pytest.raises(StoreUnavailable) as caught:
        await session.close()
    assert caught.value.unknown


async def test_a_close_that_is_refused_after_the_block_is_told(store: Any, world: World) -> None:
    await store.configure(max_bytes=500)
    session = await store.create("a", data={"n": 1})
    with nothing_arrives(store), pytest.raises(TimedOut):
        async with session:
            session["large"] = "x" * 1000
    with pytest.raises(ValueTooLarge):
        await session.close()


async def test_a_plain_close_after_the_block_sends_again_what_the_block_has_asked_for(
    store: Any,
) -> None:
    await store.create("a", data={"n": 1}, open=False)
    session = await store.open("a")
    with nothing_arrives(store), pytest.raises(TimedOut):  # noqa: PT012
        async with session:
            session["n"] = 2
            await session.close(timeout=77)
    await session.close()
    read = await store.read("a")
    assert (read["n"], read.info.timeout) == (2, timedelta(seconds=77))


async def test_a_close_after_a_block_that_swallowed_one_without_an_answer_is_not_sure(
    store: Any,
) -> None:
    await store.configure(max_per_owner=1)
    await store.create("a", owner="ann", data={"n": 1}, open=False)
    session = await store.open("a", "ann")
    with pytest.raises(SessionNotOpen):  # noqa: PT012
        async with session:
            session["n"] = 2
            with around(store, sent=lose_the_move), suppress(StoreUnavailable):
                await session.close(owner="bob")
            await store.create("b", owner="bob", open=False)
    with pytest.raises(StoreUnavailable) as caught:
        await session.close()
    assert caught.value.unknown


def lose_the_move(step: Step) -> None:
    if isinstance(step, Operation) and step.script.name in ("arrive", "decide"):
        raise TimedOut("the request was lost")
