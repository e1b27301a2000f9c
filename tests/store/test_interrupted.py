"""A signal handler raises while a save is noted: what the session shows and saves stays right."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from types import FrameType
from typing import Any

import pytest

from sessionstore import Session
from tests.support.worlds import World
from tests.unit.data.classes import Node

NOTING = ("_send", "_merge", "_note_saved", "note_saved", "_forget_replaced")


class Interrupted(BaseException):
    """What the handler raises."""


@contextmanager
def interrupted_at(nth: int) -> Iterator[list[int]]:
    """Raise at the n-th line that notes a save; the list has n if it came to that."""
    lines, raised = count(1), list[int]()

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        if frame.f_code.co_name not in NOTING:
            return None
        if event == "line" and next(lines) == nth:
            raised.append(nth)
            raise Interrupted
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with suppress(Interrupted):
            yield raised
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("mode", ["exclusive", "shared"])
async def test_a_save_that_is_interrupted_as_it_is_noted_leaves_what_was_changed(
    store: Any, world: World, mode: str
) -> None:
    if world.shell != "sync":
        pytest.skip("a signal interrupts what runs in the main thread")
    objects = {"node": Node("old")} if mode == "exclusive" else {}
    for nth in count(1):
        await store.create("a", data={"kept": 1, "gone": 1, "n": [0], **objects}, open=False)
        session = await store.open("a", mode=mode)
        session["n"].append(1)
        del session["gone"]
        session.set("new", 2, lifetime=60)
        if objects:
            session["node"] = Node("new")
        with interrupted_at(nth) as raised:
            Session.save(session)
        assert "gone" not in session, nth
        assert session["n"] == [0, 1]
        session["kept"] = 2
        Session.close(session)
        found = dict(await store.read("a"))
        assert not objects or found.pop("node").label == "new"
        assert found == {"kept": 2, "n": [0, 1], "new": 2}, nth
        await store.delete("a")
        if not raised:
            break
