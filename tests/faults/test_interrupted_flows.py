"""Who is interrupted learns of that, also if what is to be cleaned up meets a server that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from sessionstore import SessionStore, TimedOut
from sessionstore._core import flows, staging
from sessionstore._core.jobs import submitting
from sessionstore._core.jobs.jobs import Given
from sessionstore._core.jobs.submitting import Order
from sessionstore._core.operation import Flow
from sessionstore._core.sessions import ANY, Changes
from sessionstore._core.store import end_all
from tests.support.worlds import BUCKETS, Places, World

FLOWS: dict[str, Callable[[SessionStore, Any], Flow[Any]]] = {
    "create": lambda store, session: store._calls.create("b", None, opened=True),
    "open": lambda store, session: flows.open_session(
        store._calls.keys, session._home, "me", ANY, lease_ms=None, wait_ms=1000, fields=None
    ),
    "delete": lambda store, session: store._calls.delete("a", "ann", wait=1),
    "end all": lambda store, session: end_all(store._calls.keys, "ann", None, "over"),
    "close": lambda store, session: session._closing(None, None, None),
    "move": lambda store, session: session._closing(None, "bob", None),
    "block": lambda store, session: session._leaving(None),
    "staging": lambda store, session: staging.stage(
        session._home, session.fence, {b"ll": b"x" * 100}, Changes()
    ),
    "submit": lambda store, session: submitting.submit(
        store._calls.keys, session._home, ANY, Order("q", Given([b"p"], {"n": "A.B", "q": "q"}))
    ),
}


def hang_from_now_on(flow: Flow[Any]) -> None:
    """Interrupt a flow, and give what it does after that no answer."""
    flow.throw(asyncio.CancelledError())
    for _ in range(20):
        flow.throw(TimedOut("the server hangs"))


@pytest.mark.parametrize("answered", [0, 1, 2])
@pytest.mark.parametrize("name", FLOWS)
def test_an_interruption_is_not_hidden_by_what_comes_of_the_cleaning_up(
    places: Places, name: str, answered: int
) -> None:
    world = World("embedded", "sync", places.get("embedded"))
    url = places.get("embedded").url
    with SessionStore.connect(url, prefix=world.prefix, buckets=BUCKETS) as store:
        session = store.create("a", owner="ann", data={"n": 1})
        session["n"] = 2
        flow = FLOWS[name](store, session)
        step = next(flow)
        with suppress(StopIteration):
            for _ in range(answered):
                step = flow.send(store._driver._answer(step))
            with pytest.raises(asyncio.CancelledError):
                hang_from_now_on(flow)
    world.clear()
    world.raw.close()
