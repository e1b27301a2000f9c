"""Whoever has a generated id gets in, so what people read of it is its beginning."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from sessionstore import SessionNotFound, SessionStoreError
from tests.support.worlds import World


def check(text: str, id: str) -> None:
    assert id not in text
    assert f"'{id[:7]}…'" in text


async def test_no_message_shows_a_generated_id_whole(store: Any, world: World) -> None:
    bob = store.as_user("bob")
    session = await store.create(owner="alice", data={"n": 1})
    id = session.id
    shared = await store.open(id, mode="shared")
    unlike = f"{id[:-4]}AAAA"
    calls = {
        "exists": partial(store.create, id=id),
        "in use": partial(store.open, id, wait=0),
        "not there": partial(store.read, unlike),
        "another's": partial(bob.open, id),
        "in use, at one moment": partial(store.atomic(id).add, "n"),
    }
    errors = [await refused(call) for call in calls.values()]
    session["m"] = b"x" * (2 << 20)
    errors.append(await refused(session.save))
    world.lapse(session)
    errors.append(await refused(session.save))
    taken = await store.open(id)
    taken["n"] = 2
    await taken.close()
    errors.append(await refused(taken.save))
    shared["n"] = 3
    errors.append(await refused(shared.save))
    await store.delete(id)
    errors += [await refused(partial(store.open, id)), await refused(shared.save)]
    for error in errors:
        for text in (str(error), repr(error)):
            check(text, id)
            assert unlike not in text
    assert errors[1].id == id
    assert len({type(error) for error in errors}) > 6


async def refused(call: Callable[[], Any]) -> Any:
    with pytest.raises(SessionStoreError) as caught:
        await call()
    return caught.value


async def test_what_stands_for_a_session_shows_the_beginning_of_its_id(store: Any) -> None:
    session = await store.create(owner="alice", data={"n": 1})
    id = session.id
    check(repr(session), id)
    check(repr(await store.read(id)), id)
    (info,) = [info async for info in store.list()]
    check(repr(info), id)
    assert (info.id, info.sid) == (id, id)
    (event,) = [event async for event in store.events()]
    check(repr(event), id)
    assert (event.id, event.sid) == (id, id)
    await session.close()
    check(repr(session), id)


@pytest.mark.parametrize("id", ["cart", "AB.short", "x" * 25, "AB." + "x" * 23, "o'neill"])
async def test_a_name_is_shown_whole(store: Any, id: str) -> None:
    with pytest.raises(SessionNotFound) as caught:
        await store.read(id)
    assert repr(id) in str(caught.value)
    assert repr(id) in repr(await store.create(id=id, open=False))
    assert repr(id) in repr([info async for info in store.list()])
